# make demo: try everything.  make test: the whole suite.  make check: format, types, floors, docs.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONUTF8 := 1

.PHONY: demo test check lock clean format

demo: .venv/runtime
	$(BIN)/python run.py demo

test: .venv/dev
	$(BIN)/python -m pytest -n auto --dist worksteal

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/docs

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The environment is made again whenever its lock file changes.
.venv/runtime: requirements/runtime.txt | .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

.venv/dev: requirements/dev.txt | .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@ .venv/runtime

# A bare Debian or Ubuntu has python3 without venv: install it when we may, else say how.
.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Lucheng needs Python 3.11 or newer; '$(PYTHON)' is older. Install one and run: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 3; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { rm -rf .venv; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv .venv; \
		else echo "python3 cannot make a virtual environment here. Run this once: sudo apt-get install -y python3-venv"; exit 3; fi; }

lock: .venv/dev
	for set in runtime postgres dev; do \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
			requirements/$$set.in -o requirements/$$set.txt; done

clean:
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
