# make run: the default experiment, to results/pocket-gpt2/report.html. make test: every test.
# make verify: whether exact arithmetic gives here what it gave elsewhere; it needs no run.
# make rocrate: a finished run as a research object, RUN=pocket-gpt2 unless named (docs/rocrate.md).
# make docs: the documents as a site, build/site/index.html.
# make schema: schemas/config.schema.yaml, after a change of scripts/needq/common/settings.py.
# README gives the same commands plainly. Another Python: make run PYTHON=python3.12

PYTHON ?= python3
RUN ?= pocket-gpt2
INSTALL = .venv/bin/python -m pip install --quiet --require-hashes --no-deps

.PHONY: run verify rocrate schema test docs lint format clean

run: .venv/base.done
	.venv/bin/snakemake --cores all
	.venv/bin/snakemake --report results/pocket-gpt2/report.html
	@cat results/pocket-gpt2/answer.txt
	@echo "Open results/pocket-gpt2/index.html, or report.html beside it, which holds everything."

verify: .venv/base.done
	.venv/bin/snakemake verify

rocrate: .venv/base.done
	.venv/bin/python scripts/make_crate.py $(RUN)

schema: .venv/base.done
	PYTHONPATH=scripts .venv/bin/python -m needq.plan.schema

# the site of the documents, then every test: three at a time on two cores, since some mostly wait
test: docs
	.venv/bin/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

docs: .venv/docs.done
	.venv/bin/python docs/stage.py
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@echo build/site/index.html

lint: .venv/test.done
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/snakemake --lint

format: .venv/test.done
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
	.venv/bin/snakefmt Snakefile rules

clean:
	rm -rf .venv build .snakemake .pytest_cache .ruff_cache .hypothesis

# The registry's build of torch does not load without its CUDA packages (4 GB), GPU or not. So without
# a GPU the CPU build is tried first, which some machines offer to pip. See requirements/README.md.
.venv/base.done: $(addprefix requirements/,build.txt cpu.txt base.txt cuda.txt)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	    echo "needq needs Python 3.11, 3.12 or 3.13: name one, as in make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) has no venv module: install it (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) -r requirements/build.txt
	nvidia-smi -L >/dev/null 2>&1 || $(INSTALL) -r requirements/cpu.txt 2>/dev/null \
	    || echo "pip is offered no CPU build of torch for this Python: taking the registry's, with CUDA"
	$(INSTALL) --no-build-isolation --use-pep517 -r requirements/base.txt
	.venv/bin/python -c 'from importlib.metadata import version as v; exit(not v("torch").endswith("+cpu"))' \
	    || $(INSTALL) -r requirements/cuda.txt
	touch $@

.venv/docs.done: requirements/docs.txt .venv/test.done
	$(INSTALL) -r requirements/docs.txt
	touch $@

.venv/test.done: requirements/cluster.txt requirements/test.txt .venv/base.done
	$(INSTALL) -r requirements/cluster.txt
	$(INSTALL) -r requirements/test.txt
	touch $@
