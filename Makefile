# make fit ARGS="data.category=washer seed=1"    install what is missing, then python -m gmanet.fit
# make test | lint | slow | test-slurm | test-image    the same for the checks
# make test-cluster                               torch-cluster built from source, and its tests
# make docs                                       the documentation, to docs/_build/docs/index.html
# PYTHON=python3.12 make fit                      another interpreter for a new .venv

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: fit test lint slow docs test-cluster test-slurm test-image install
.DELETE_ON_ERROR: # an incomplete .venv is made again

fit: .venv/.installed
	$(BIN)/python -m gmanet.fit $(ARGS)

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

slow: .venv/.installed-dev
	$(BIN)/python -m pytest -m slow $(ARGS)

docs: .venv/.installed-dev
	$(BIN)/python -m sphinx -W -b html -c docs . docs/_build

# The build takes a compiler and fourteen processor minutes; it reads the torch that is installed.
test-cluster: .venv/.installed-dev
	$(BIN)/python -c "import torch_cluster" 2>/dev/null || { \
		$(BIN)/python -m pip install --quiet "setuptools<81" wheel && \
		$(BIN)/python -m pip install --no-build-isolation --no-deps "torch-cluster>=1.6.3"; }
	$(BIN)/python -m pytest tests/networks/test_pointnet2.py tests/networks/test_pointnet2_neighbors.py -rs $(ARGS)

# A real Slurm on this machine: as root, on Debian, with a package registry; else it says why not.
test-slurm: .venv/.installed-dev
	command -v slurmctld >/dev/null || \
		{ apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge; } || true
	GMANET_SLURM_LAB=1 $(BIN)/python -m pytest -m slow tests/slurm -rs $(ARGS)

# The image, built and run without an engine: as root, on Debian; else it says why not.
test-image: .venv/.installed-dev
	command -v buildah >/dev/null || \
		{ apt-get update && apt-get install -y --no-install-recommends buildah debootstrap; } || true
	GMANET_IMAGE_LAB=1 $(BIN)/python -m pytest -m slow tests/test_image.py -rs $(ARGS)

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: .venv/.installed-dev

$(BIN)/python:
	$(PYTHON) -m venv .venv

# The stamps make a second call quick; they are renewed when the requirements change.
.venv/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing gmanet into .venv (some minutes the first time)"
	$(INSTALL) -e .
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing gmanet and its tests into .venv (some minutes the first time)"
	$(INSTALL) -e '.[dev]'
	@touch $@ .venv/.installed
