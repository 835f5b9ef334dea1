# Thin wrappers; everything happens in packaging/bootstrap.py, which also runs where there is no make.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py

.PHONY: run test check bench setup

run:    ## open the window (ARGS="scan.nii.gz")
	@$(BOOTSTRAP) run $(ARGS)

test:   ## run the tests without a screen (ARGS="tests/imaging -x")
	@$(BOOTSTRAP) test $(ARGS)

check:  ## ruff, mypy, import-linter
	@$(BOOTSTRAP) check

bench:  ## measure speed
	@$(BOOTSTRAP) bench $(ARGS)

setup:  ## install everything into .venv, start nothing
	@$(BOOTSTRAP) setup $(ARGS)
