# make demo: the default experiment; make test: the quick tests. Both set up .venv first (pinned), once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed
DEMO   := outputs/demo
JOBS   ?= 2
# tests side by side, those of a file in one process: they share what is trained and labelled once; in the order of tests/conftest.py;
# of pytest's plugins those that they need: the others are rewritten and imported in every process
PYTEST := $(BIN)/python -m pytest -q --disable-plugin-autoload -p xdist.plugin -p pytest_benchmark.plugin \
	-n $(JOBS) --dist loadfile --no-loadscope-reorder

# One thread per process: the arrays are small, and more threads than cores only slow each other down.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help install demo test validate docs bench fuzz soak types lint clean leaderboard

help:
	@echo "make demo      Mach 5.5 shock, every model side by side, for both gases"
	@echo "make test      quick tests        make validate  slow physics validation, types (JOBS=2: side by side)"
	@echo "make docs      documentation      make bench     benchmarks        make lint  ruff"
	@echo "make fuzz      spoiled files and command lines, SECONDS=120 SEED=0"
	@echo "make soak      random cases over closures, gases and solvers, SECONDS=120 SEED=0"
	@echo "make types     annotations of the public face"
	@echo "make leaderboard   the standard evaluation of every closure, for both gases: docs/leaderboard (ten minutes)"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "knudsen needs Python >= 3.11: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,docs]'
	@touch $@

install: $(STAMP)

demo: $(STAMP)
	rm -rf $(DEMO)
	$(BIN)/knudsen gas=bgk_1v mach=5.5 hydra.run.dir=$(DEMO)/bgk_1v
	$(BIN)/knudsen gas=bgk_3v mach=5.5 hydra.run.dir=$(DEMO)/bgk_3v
	@echo; echo "Figures: $(DEMO)/bgk_1v/shock.png $(DEMO)/bgk_3v/shock.png (and .pdf); data: shock.nc, metrics.json beside them"

test: $(STAMP)
	$(PYTEST)

validate: $(STAMP) types
	$(PYTEST) -m slow

docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# The tables and figures of docs/leaderboard.md. References stay in outputs/leaderboard: a second call computes only what is new.
BOARDS := bgk_1v bgk_3v
leaderboard: $(BOARDS:%=outputs/leaderboard/%/leaderboard.md) $(BOARDS:%=outputs/canonical/%/canonical.md)
	for gas in $(BOARDS); do \
	  cp outputs/leaderboard/$$gas/leaderboard.md docs/leaderboard/$$gas.md; \
	  cp outputs/leaderboard/$$gas/errors.csv docs/leaderboard/$$gas.csv; \
	  for figure in heat_flux cost; do \
	    cp outputs/leaderboard/$$gas/$$figure.png docs/figures/leaderboard_$${gas}_$$figure.png; \
	  done; \
	  cp outputs/canonical/$$gas/canonical.md docs/leaderboard/canonical_$$gas.md; \
	  cp outputs/canonical/$$gas/canonical.csv docs/leaderboard/canonical_$$gas.csv; \
	  for figure in cells growth; do cp outputs/canonical/$$gas/canonical_$$figure.png docs/figures/canonical_$${gas}_$$figure.png; done; \
	done

outputs/leaderboard/%/leaderboard.md: $(STAMP)
	$(BIN)/knudsen experiment=evaluate gas=$* closures=all late=null +cases_per_decade=2 \
	  'kinetic_velocities=[12,16,20,24,32,48]' reference.keep=outputs/leaderboard/references hydra.run.dir=$(@D)

outputs/canonical/%/canonical.md: $(STAMP)
	$(BIN)/knudsen experiment=evaluate gas=$* 'cases=[canonical]' 'closures=[herm_mlc,quadrature,grad,nsf,euler]' \
	  reference.keep=outputs/canonical/references hydra.run.dir=$(@D)

bench: $(STAMP)
	$(BIN)/python -m pytest -q benchmarks --benchmark-enable --benchmark-only

# Files and command lines spoiled at random, for so many seconds; hours by SECONDS=7200; the seed repeats it.
SECONDS ?= 120
SEED ?= 0
fuzz: $(STAMP)
	$(BIN)/python benchmarks/fuzz.py --seconds $(SECONDS) --seed $(SEED)

# Random cases; what is wrong and called right is kept in outputs/soak.
soak: $(STAMP)
	$(BIN)/python benchmarks/soak.py --seconds $(SECONDS) --seed $(SEED)

# The rooms where an installed package has them, since mypy reads no editable installation.
ROOMS := solvers kinetic closure elt molecular quantum conf experiments
FACE := knudsen knudsen.build knudsen.errors knudsen.files knudsen.interface knudsen.learning knudsen.lazy knudsen.release \
	knudsen.seeds knudsen.shown knudsen.testing
types: $(STAMP)
	rm -rf build/types; mkdir -p build/types/knudsen
	ln -s $(CURDIR)/knudsen/* $(ROOMS:%=$(CURDIR)/%) build/types/knudsen
	cd build/types && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml $(FACE:%=-m %)

lint: $(STAMP)
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) docs/_build docs/generated build *.egg-info
