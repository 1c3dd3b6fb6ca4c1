# How this file works: every target first brings .venv/ up to date, and does nothing where nothing changed. Two stamps
# say how far it is: .venv/.packages (Python packages, after pyproject.toml) and .venv/.kernel (the Rust extension, after
# kernel-rs/). What a machine must have of its own is checked before anything is started: Rust, Python, a linker.

PYTHON ?= python3
DIST ?= dist

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PY := .venv/bin/python
PIP := pip==26.3
PYTEST := $(PY) -m pytest

help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

# What the machine must have ---------------------------------------------------------------------------------------------

# One line on what is missing, or nothing. $(error) then prints it as the only line.
define find_trouble
need() { echo "$$*"; exit 0; }; \
command -v '$(PYTHON)' >/dev/null || need "Python 3.11 or later is needed, and '$(PYTHON)' is not there: install it (Debian: apt-get install python3 python3-venv), or name another with: make PYTHON=..."; \
'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || need "Python 3.11 or later is needed, and '$(PYTHON)' is $$('$(PYTHON)' -V 2>&1 | head -n 1): install a later one, or name it with: make PYTHON=..."; \
'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv and ensurepip are needed, and '$(PYTHON)' has none: install them (Debian: apt-get install python3-venv)"; \
command -v cargo >/dev/null && command -v rustc >/dev/null || need "Rust 1.88 or later is needed, and cargo or rustc is not there: install it with rustup (https://rustup.rs)"; \
version=$$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9]*\)\.\([0-9]*\)\..*/\1 \2/p'); \
set -- $$version; \
test "$${1:-0}" -gt 1 || test "$${1:-0}" -eq 1 -a "$${2:-0}" -ge 88 || need "Rust 1.88 or later is needed, and rustc is $$(rustc --version 2>&1 | head -n 1): install a later one (rustup update)"; \
command -v cc >/dev/null || need "A C compiler is needed as the linker of Rust, and cc is not there: install one (Debian: apt-get install gcc libc6-dev)"; \
case " $(MAKECMDGOALS) " in *' test '*|*' lint '*) \
cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || need "rustfmt and clippy are needed: install them (rustup component add rustfmt clippy)";; \
esac
endef

ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
trouble := $(shell $(find_trouble))
ifneq ($(trouble),)
$(error $(trouble))
endif
endif

# The environment --------------------------------------------------------------------------------------------------------

FORCE:
.PHONY: FORCE help run test spec spec-quick verify planted mutants lint bench bench-results bench-instructions dist clean venv lint-rust lint-python test-rust test-python test-dist

# An environment that another Python or another folder left behind is made anew.
made_for := $(CURDIR) $(shell '$(PYTHON)' -V 2>&1)
ifneq ($(shell test -x $(PY) && cat .venv/.made-for 2>/dev/null),$(made_for))
.venv/.made-for: FORCE
endif

.venv/.made-for:
	@echo "making .venv" >&2
	@'$(PYTHON)' -m venv --clear .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check $(PIP)
	@echo '$(made_for)' >$@

.venv/.packages: .venv/.made-for pyproject.toml
	@echo "installing Python packages into .venv" >&2
	@$(PY) -m pip install --quiet --group dev
	@touch $@

RUST := Cargo.toml $(wildcard Cargo.lock) $(shell find kernel-rs -name '*.rs' -o -name Cargo.toml)
# The extension itself lies in the source tree; a stamp without it says nothing.
ifeq ($(wildcard pumpcore/_kernel*.so pumpcore/_kernel*.pyd),)
.venv/.kernel: FORCE
endif

.venv/.kernel: .venv/.packages $(RUST)
	@echo "building the kernel" >&2
	@$(PY) -m maturin develop --release --extras plot >.venv/kernel.log 2>&1 || { cat .venv/kernel.log >&2; exit 1; }
	@touch $@

venv: .venv/.kernel
	@:

# What one does with it --------------------------------------------------------------------------------------------------

run: venv ## Set up, then replay a pump's history (a made one, in the format of a real one)
	@.venv/bin/pumpcore replay pumpcore/records/example.csv

test: venv ## Set up, then check and test everything (minutes)
	@$(MAKE) lint
	@$(MAKE) test-rust
	@$(MAKE) test-dist
	@$(MAKE) spec-quick
	@$(MAKE) test-python

# Tools come into target/spec, pinned by specs/gates/tools; Java and Coq are the machine's own, or Debian's.
spec: venv ## Set up, then check the specification, the proofs and their agreement with the code (minutes)
	$(PY) -m specs.gates $(GATES)

spec-quick: venv
	$(PY) -m specs.gates --quick

lint: venv lint-rust lint-python ## Set up, then check form, types and the stub

lint-rust: venv
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- --deny warnings

lint-python: venv
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) -m mypy.stubtest pumpcore._kernel

# The kernel is tested in both builds: the one with debug assertions, and the one that ships.
test-rust: venv
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; cargo nextest run --package pumpcore-kernel --locked && \
		cargo nextest run --package pumpcore-kernel --locked --release; \
	else \
		set -x; cargo test --package pumpcore-kernel --locked --lib --tests && \
		cargo test --package pumpcore-kernel --locked --lib --tests --release; \
	fi
	cargo test --package pumpcore-kernel --locked --doc

test-dist: venv
	$(PYTEST) -m dist

# The benchmarks run once here, for what they assert; `make bench` times them.
test-python: venv
	$(PYTEST) -m 'not dist' --benchmark-disable --numprocesses 2 --dist worksteal --cov --cov-report term

# Half an hour on two cores: mistakes made by hand, each of which some test must see; docs/mutants.md is written anew.
mutants: venv
	$(PY) -m specs.mutants --write

# What cannot be installed is left out, and the report says so.
.venv/.rivals: .venv/.packages
	@echo "installing what the kernel is raced against into .venv" >&2
	@$(PY) -m pip install --quiet --group bench && touch $@ || echo "not all of it can be had here" >&2

verify: venv ## Set up, then let pumps live through 2,000 virtual days of faults, and cut the power everywhere
	.venv/bin/pumpcore verify --runs 2000 --jobs $$(nproc 2>/dev/null || echo 1) --cuts

planted: venv
	HYPOTHESIS_PROFILE=deep $(PYTEST) tests/sim/test_planted_bugs.py

bench: venv .venv/.rivals ## Set up, then time the kernel beside pure Python, NumPy, Numba and simulators' pumps
	@.venv/bin/pumpcore bench

# On an idle machine: two minutes, and what docs/speed.md says is written anew after it.
bench-results: venv .venv/.rivals
	@mkdir -p docs/speed
	.venv/bin/pumpcore bench --growth --save docs/speed/results.json --plot docs/speed/figures.png

# Needs valgrind. After a change that is meant: $(PY) tests/bench/instructions.py --write
bench-instructions: venv
	@command -v valgrind >/dev/null || { echo "valgrind is needed: install it (Debian: apt-get install valgrind)" >&2; exit 1; }
	$(PY) tests/bench/instructions.py

dist: venv ## Set up, then build the wheel and the sdist into dist/
	@rm -rf $(DIST) target/dist
	@# A folder of its own: the sdist's crate of the same name must not take the place of this tree's. Always a new one:
	@# all files of an sdist bear one fixed time, by which cargo would take what an older one gave for new.
	CARGO_TARGET_DIR=$(CURDIR)/target/dist $(PY) -m maturin build --release --locked --quiet --sdist --out $(DIST)

clean: ## Remove all that was made
	rm -rf .venv target dist build .coverage* .hypothesis .pytest_cache .mypy_cache .ruff_cache .benchmarks
	find pumpcore tests -name __pycache__ -prune -exec rm -rf {} +
	rm -f pumpcore/_kernel*.so pumpcore/_kernel*.pyd
