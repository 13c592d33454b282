# make demo     build the environment, create sample data, serve it
# make test     run every test
# make bench    measure: volume against plain merging, pages, scoring (a few minutes)
# make check    lint, types, layers, templates, catalogue, vendored files
PYTHON  ?= python3
WORKERS ?= auto

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
CORE  := intranet templates static
# No file of the core names a region.
REGION := chengdu|cuiping|成都|翠屏|双流

.PHONY: demo demo-reset test bench check format venv
.DEFAULT_GOAL := demo

demo: $(STAMP)
	$(BIN)/intranet demo

demo-reset: $(STAMP)
	$(BIN)/intranet demo --reset

test: $(STAMP)
	$(BIN)/pytest -n $(WORKERS) --maxprocesses 8

bench: $(STAMP)
	$(BIN)/python -m benchmarks

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_templates.py
	$(BIN)/python tools/check_catalogue.py
	$(BIN)/python tools/check_vendor.py
	@if find $(CORE) -not -name '*.pyc' | grep -iE '$(REGION)'; then echo 'a region in a file name of the core' >&2; exit 1; fi
	@if grep -rinE --exclude-dir=__pycache__ '$(REGION)' $(CORE); then echo 'a region named in the core' >&2; exit 1; fi

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	@set -e; \
	if [ ! -x $(BIN)/python ]; then \
	  for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3 python; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then echo 'Python 3.11 or newer is needed; name it with PYTHON=...' >&2; exit 1; fi; \
	  echo "creating $(VENV) with $$found"; "$$found" -m venv $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation \
	  -e '.[dev]' -e plugins/chengdu_group -e plugins/cuiping_xuequ
	@touch $@
