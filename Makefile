# Two commands: `make run` plays, `make test` checks. Each installs what is missing first
# (Debian packages, a virtual environment in .venv) and is quick the second time.

VENV    := .venv
BIN     := $(VENV)/bin
PYTHON  ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
ARGS    ?=

# Debian packages. To play: PortAudio. To test: JACK's dummy sound card, liblo's oscsend, a soundfont
# and its player to render training notes, real MIDI files to play, real recordings to listen to.
APT_RUN  := libportaudio2
APT_TEST := jackd2 liblo-tools libfluidsynth3 fluidsynth fluid-soundfont-gm openttd-openmsx puredata-doc lmms-common

.DEFAULT_GOAL := help
.PHONY: help run test lint clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# $(call apt,packages): installs only those that are missing; says so plainly where it cannot.
define apt
	@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q "install ok installed" || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  if ! command -v apt-get >/dev/null; then echo "timbred: please install:$$missing (no apt-get here)"; \
	  else as=""; [ "$$(id -u)" = 0 ] || as=sudo; echo "timbred: installing Debian packages:$$missing"; \
	    $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends $$missing >/dev/null \
	    || echo "timbred: could not install$$missing; 'timbred doctor' tells what works without"; fi; fi
endef

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 13) else f"timbred needs Python 3.11 or 3.12, found {v[0]}.{v[1]} ({sys.executable}); set PYTHON=/path/to/python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { as=""; [ "$$(id -u)" = 0 ] || as=sudo; $$as apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: pyproject.toml $(VENV)/.created
	$(call apt,$(APT_RUN))
	@echo "timbred: installing Python packages (once, about half a minute)"
	@$(BIN)/pip install -q --disable-pip-version-check -e . 2>&1 | grep -v '^WARNING: Location' || true
	@echo "timbred: compiling the audio kernel (once)"
	@$(BIN)/python -c "from synth_engine.kernel.compiled import load_kernel; load_kernel()"
	@touch $@

$(VENV)/.test: pyproject.toml Makefile $(VENV)/.created
	$(call apt,$(APT_RUN) $(APT_TEST))
	@echo "timbred: installing Python packages for training and tests (once, one to two minutes)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[train,jax,judges,test]' 2>&1 | grep -v '^WARNING: Location' || true
	@# judges of pitch and realism: only the weights inside are used, the old TensorFlow they pin is not wanted
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps 'basic-pitch==0.4.0' 'musicnn==0.1.0' 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c "import daemon.cli, pytest, keras, jack"
	@touch $@ $(VENV)/.run

run: $(VENV)/.run ## install what is missing and play (options: make run ARGS="--help")
	@$(BIN)/timbred run $(ARGS)

test: $(VENV)/.test lint ## install what is missing, then every check and test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test ## formatting, lint, types and import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
