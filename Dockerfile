# docker build -t gmanet . && docker run --rm -v "$PWD/runs:/app/runs" gmanet data.category=washer
#
# CPU:  --build-arg VARIANT=cpu   --build-arg PIP_EXTRA_INDEX_URL=...   (PyTorch's index of CPU wheels)
# CUDA: --build-arg VARIANT=cu126 --build-arg PIP_EXTRA_INDEX_URL=...   (PyTorch's index of CUDA wheels)
# VARIANT is the local version label of PyTorch's wheels; a build without such a wheel fails.  If
# VARIANT is empty, pip chooses.  The wheels contain the CUDA libraries; the host needs a driver only.
# The base image may be any with Python 3.10 to 3.13, such as a plain Debian with python3-venv.
ARG BASE=python:3.11-slim
FROM ${BASE}
ARG VARIANT
ARG PIP_EXTRA_INDEX_URL

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba

WORKDIR /opt/gmanet
COPY pyproject.toml constraints.txt README.md LICENSE ./
# Dependencies come first, so that a change of the sources does not install them again.
RUN mkdir gmanet conf && touch gmanet/__init__.py \
    && python -m pip install --no-cache-dir -c constraints.txt \
        ${VARIANT:+"torch==$(sed -n 's/^torch==//p' constraints.txt)+$VARIANT"} -e . \
    && python -c "import torch; print('torch', torch.__version__, 'CUDA', torch.version.cuda)"
# torch-cluster, from source, against the torch above: --build-arg CLUSTER=1; wants a compiler.
ARG CLUSTER
RUN test -z "$CLUSTER" || { python -m pip install --no-cache-dir "setuptools==80.9.0" "wheel==0.45.1" \
    && python -m pip install --no-cache-dir --no-build-isolation --no-deps "torch-cluster==1.6.3"; }
COPY gmanet gmanet
COPY conf conf

RUN useradd --create-home --uid 1000 gmanet \
    && mkdir -p /app/runs \
    && chown -R gmanet /app
USER 1000
WORKDIR /app
ENTRYPOINT ["python", "-m", "gmanet.fit"]
