# docker build -t gmanet . && docker run --rm -v "$PWD/runs:/app/runs" gmanet data.category=washer
# Any base with Python 3.10 to 3.13 will do, also a plain Debian with python3-venv.
ARG BASE=python:3.11-slim
FROM ${BASE}

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib

WORKDIR /opt/gmanet
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gmanet gmanet
COPY conf conf
# Editable: the package finds conf/ beside it.
RUN python -m pip install --no-cache-dir -c constraints.txt -e . \
    && python -c "import torch; print('torch', torch.__version__)"

RUN useradd --create-home --uid 1000 gmanet \
    && mkdir -p /app/runs \
    && chown -R gmanet /app
USER 1000
WORKDIR /app
ENTRYPOINT ["python", "-m", "gmanet.fit"]
