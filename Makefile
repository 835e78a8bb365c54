# README's two commands are `make run` and `make test`; both set up all they need.
# `make run PORT=8000` listens on another port.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?=
BIN := .venv/bin
INSTALL := $(BIN)/pip install --disable-pip-version-check --constraint constraints.txt

.NOTPARALLEL:
.PHONY: run python port test quick check torture timings eval bench scale train clean

run: port .venv/installed
	$(BIN)/python app.py $(if $(PORT),--port $(PORT))

# What stops a server is said before the installation, which takes minutes.
port: python
	@$(PYTHON) deploy/preflight.py --serve $(PORT)

python:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "Python 3.11 is needed, and $(or $(PYTHON),python3) is not here." >&2; \
		echo "Install it, or name one: make run PYTHON=/path/to/python3.11" >&2; \
		exit 2; }

# Three processes for two cores: many tests wait rather than compute. Each computes in one thread:
# threads of several processes that wait for each other on two cores took torch four times as long.
# Bytecode is kept: to compile 300 files of tests in each process takes half a minute.
test: export OMP_NUM_THREADS := 1
test: .venv/installed-dev
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# What needs no model, no server and no browser: half a minute.
QUICK := answering evaluation guide index models query readers render retrieval text
quick: export OMP_NUM_THREADS := 1
quick: .venv/installed-dev
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow" \
		--ignore tests/readers/oracle $(addprefix tests/,$(QUICK))

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The long sizes of what `make test` holds at a short one: hours, and figures in the log.
LONG := durability cli/test_streams.py encoders readers/oracle text/test_sentences.py server/test_network.py \
	server/test_hostile_text.py server/test_stopping.py server/routes/test_mcp_fuzz.py \
	project/test_paths.py browser/test_notebook.py
torture: .venv/installed-dev
	TORTURE=1 $(BIN)/python -m pytest $(addprefix tests/,$(LONG)) --log-cli-level=INFO

# Whether time grows with what is read and no faster, and how soon the widget can be used.
# Twenty minutes on a machine that does nothing else; `make test` only knows that all of it ends.
timings: .venv/installed-dev
	$(BIN)/python -m pytest -p tests.conftest -p tests.browser.conftest benchmarks/timings --log-cli-level=INFO

# Every figure of README's table, from questions other people wrote; exit 1 where a goal is missed.
# Then the same questions to simple writers and to the peers: all of them after `make bench`.
# The first time it indexes 2,800 pages of manuals, which takes the better part of an hour.
eval: .venv/installed
	mkdir -p build
	@missed=0; \
	$(BIN)/assistant eval $(ANSWERS) $(addprefix $(EVAL_SETS)/,$(SETS)) \
		--goals benchmarks/goals.toml --html build/eval.html --junit build/eval.xml || missed=$$?; \
	$(if $(ANSWERS),$(BIN)/python benchmarks/writers.py $(ANSWERS) --peers build/peers/bin/python,:) \
		&& exit $$missed

EVAL_SETS := $(or $(EVAL),../shared/eval)
ANSWERS = $(wildcard $(EVAL_SETS)/answers/*)
SETS := emanual_tv doc2dial squad2 refusal_mix canard aws_docs

# How fast we are beside the peers, both in one run; most of an hour on a machine that is idle.
bench: .venv/installed build/peers/installed
	$(BIN)/python benchmarks/speed.py --peers build/peers/bin/python $(if $(EVAL),--eval $(EVAL))

# What a guide costs from a thousand passages to a million: half an hour, 15 GB of disk, and a plot.
scale: .venv/installed
	$(BIN)/python benchmarks/scale.py --eval $(or $(EVAL),../shared/eval)

train: .venv/installed-dev
	$(BIN)/python benchmarks/train.py --eval $(or $(EVAL),../shared/eval)
	$(BIN)/python benchmarks/train_sentences.py --answers $(or $(EVAL),../shared/eval)/answers

# torch first and by itself: asked for by another package, pip may take a build with CUDA.
.venv/installed: pyproject.toml constraints.txt | python
	@$(PYTHON) deploy/preflight.py --folder .venv
	$(PYTHON) -m venv .venv
	$(INSTALL) torch==2.13.0
	$(INSTALL) --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(INSTALL) --editable '.[dev]'
	touch $@

build/peers/installed: benchmarks/requirements-peers.txt
	$(PYTHON) -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	build/peers/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find index -mindepth 1 -not -name README.md -not -name 'journal.sqlite*' -not -name keys.json -delete
