# `make demo` and `make test` set up everything they need; both are safe to run again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TYPING := .typing/looktwice

.PHONY: demo test lint slow results install system-libraries clean

demo: install
	$(BIN)/python scripts/demo.py demo

# Two processes, each file in one of them: much of the suite keeps one core busy.
test: install lint
	$(BIN)/pytest --numprocesses 2 --dist loadfile

# The figures are those that benchmarks/folds.py and benchmarks/yardsticks.py wrote to docs/results/.
results: install
	$(BIN)/python benchmarks/fold_tables.py

slow: install
	$(BIN)/pytest -m slow

# vermin takes the method of tensors `long` for Python 2's type.
lint: install $(TYPING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/vermin --target=3.10- --violations --quiet --no-tips --exclude long .
	MYPYPATH=.typing $(BIN)/mypy -p looktwice

install: system-libraries $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[pytorch3d,dev]'
	$(BIN)/looktwice models pull nano
	touch $@

# mypy finds the package by its name although the repository root is the package.
$(TYPING):
	mkdir -p .typing && ln -sfn .. $@

system-libraries:
	@sh scripts/system-libraries.sh

clean:
	rm -rf $(VENV) .typing build demo *.egg-info
