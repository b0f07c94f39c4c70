# Coppice. `make run` and `make test` set up what they need by themselves.
# The distribution's own build of the same Python, where there is one: it is built with profiles, and often a fourth faster.
SAME := import ensurepip, sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1] or sys.version_info < (3, 11))
PYTHON ?= $(shell /usr/bin/python3 -c '$(SAME)' "$$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
PORT ?= 8080
STATE ?= .coppice
SEEDS ?= 1000
START ?= 0
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install run test lint docs unit simulation fuzz conformance ansible javascript soak bench bench-openstack image-test support openstack-up openstack-down test-openstack stacks volumes queues secrets certificates guests metrics balancers chaos upgrade-proof events storm clean

run: $(VENV)/.runtime
	@$(BIN)/coppice run --port $(PORT) --state $(STATE)

# What Coppice needs to run, into .venv, and nothing more.
install: $(VENV)/.runtime

# Everything that has to hold, in the order in which it fails fastest.
test: $(VENV)/.dev
	@$(BIN)/python -m tests.run

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/python -m pytest tests --ignore=tests/simulation -q

simulation: $(VENV)/.dev
	$(BIN)/python -m pytest tests/simulation -q

# Awkward bytes, headers and forms at the gateway, new ones each time. MINUTES=N of each kind.
fuzz: $(VENV)/.dev
	COPPICE_FUZZ_MINUTES=$(or $(MINUTES),5) $(BIN)/python -m pytest tests/gateway/test_fuzz.py -q

conformance: $(VENV)/.dev
	$(BIN)/python -m pytest conformance -q

# A play with Ansible's amazon.aws, made, made again and taken away. Ansible comes into build/ansible, half a gigabyte.
ansible: $(VENV)/.dev
	$(BIN)/python -m conformance.ansible

# The AWS SDK for JavaScript, in all wire forms of CloudWatch. Needs node and npm; it comes into build/javascript.
javascript: $(VENV)/.dev
	$(BIN)/python -m conformance.javascript

soak: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --start $(START)

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

image-test:
	bash tests/image/run.sh

# A real small OpenStack to test and try with: see conformance/openstack/README.md. STATE=DIR puts it elsewhere,
# PORTS=N on other ports, REGIONS=2 with a second region, WIPE=1 deletes its data when it goes down.
openstack-up openstack-down: OPENSTACK = $(BIN)/python -m conformance.openstack
openstack-up openstack-down: AT = --state $(if $(filter file,$(origin STATE)),.openstack,$(STATE))
openstack-up: $(VENV)/.runtime
	@$(OPENSTACK) up $(AT) $(if $(PORTS),--port-base $(PORTS)) $(if $(REGIONS),--regions $(REGIONS))

openstack-down: $(VENV)/.runtime
	@$(OPENSTACK) down $(AT) $(if $(WIPE),--wipe)

# The suites that need a real OpenStack. The test cloud is brought up first, and left running for the next time.
test-openstack: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) \
		$(BIN)/python -m tests.run OpenStack

# Terraform's tutorial stack on the test cloud: applied, changed, imported, destroyed; the cloud itself is searched for leaks.
stacks: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_STACKS=1 $(BIN)/python -m pytest -q conformance/terraform/test_stacks.py

# The driver's volumes on a real Cinder, which runs beside the test cloud meanwhile.
volumes: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_VOLUMES=1 \
		$(BIN)/python -m conformance.openstack with cinder \
		$(BIN)/python -m pytest -q tests/backend/drivers/openstack/live/test_volumes.py

# Messages into queues of a real Zaqar, which runs beside the test cloud meanwhile: the driver's sink, and a group's events.
queues: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_QUEUES=1 OS_MESSAGES__EVERYWHERE=zaqar:coppice $(BIN)/python -m conformance.openstack with zaqar \
		$(BIN)/python -m pytest -q tests/backend/drivers/openstack/live/test_queues.py conformance/openstack_lane/test_queues.py

# Keys of secrets in a real Barbican, which runs beside the test cloud meanwhile: they change, and it hangs, under clients.
secrets: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_SECRETS=1 $(BIN)/python -m conformance.openstack with barbican \
		$(BIN)/python -m pytest -q tests/backend/drivers/openstack/live/test_secrets.py conformance/openstack_lane/test_secrets.py

# Certificates of listeners in the same Barbican, and balancers that really forward, for clients that look at certificates.
certificates: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_CERTIFICATES=1 $(BIN)/python -m conformance.openstack with barbican \
		$(BIN)/python -m conformance.openstack with balancers \
		$(BIN)/python -m pytest -q -s tests/backend/drivers/openstack/live/test_listener_certificates.py conformance/openstack_lane/test_https.py

# Servers that really run, on a host with libvirt beside the test cloud's: they read their metadata and complete their hooks.
guests: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_GUESTS=1 $(BIN)/python -m conformance.openstack with balancers \
		$(BIN)/python -m conformance.openstack with guests \
		$(BIN)/python -m pytest -q -s conformance/openstack_lane/test_guests.py

# Groups that follow measures of a real Gnocchi and alarms of a real Aodh, which run beside the test cloud meanwhile, and of
# Debian's Prometheus Alertmanager. Half an hour: what is too little has to be so for fifteen minutes.
metrics: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_METRICS=1 OS_METRICS__SOURCES=gnocchi $(BIN)/python -m conformance.openstack with gnocchi \
		$(BIN)/python -m conformance.openstack with aodh \
		$(BIN)/python -m pytest -q conformance/openstack_lane/test_metrics.py

# Groups behind balancers that really forward: an HAProxy for each, and servers that answer. It takes root.
balancers: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_BALANCERS=1 $(BIN)/python -m conformance.openstack with balancers \
		$(BIN)/python -m pytest -q -s tests/backend/drivers/openstack/live/test_forwarding.py conformance/openstack_lane/test_forwarding.py

# A server that is deleted behind a group's back is replaced by what Nova tells on the test cloud's bus.
events: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_EVENTS=1 $(BIN)/python -m conformance.openstack with events \
		$(BIN)/python -m pytest -q -s conformance/openstack_lane/test_events.py

# Everything at once on the test cloud: engines killed, lying proxies, a region that hangs. MINUTES=N, SEED=N.
storm: $(VENV)/.dev
	@$(MAKE) --no-print-directory openstack-up REGIONS=2
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) COPPICE_CLOUD=openstack \
		COPPICE_STORM_MINUTES=$(or $(MINUTES),20) $(if $(SEED),COPPICE_STORM_SEED=$(SEED)) \
		$(BIN)/python -m pytest -q -s conformance/openstack_lane/test_long_storm.py

# Four engines, two gateways, eight customers with 200 groups, on PostgreSQL and on MariaDB: everything is killed, stands
# still, goes away. MINUTES=N of each, SEED=N. CI has a short form of it.
chaos: $(VENV)/.dev
	@COPPICE_CHAOS_MINUTES=$(or $(MINUTES),10) $(if $(SEED),COPPICE_CHAOS_SEED=$(SEED)) \
		$(BIN)/python -m pytest -q -s conformance/chaos

# The version of a commit (FROM) and this one side by side on one PostgreSQL under load, in each order of restarts.
upgrade-proof: FROM ?= 365b380
upgrade-proof: $(VENV)/.dev
	COPPICE_UPGRADE_FROM=$(FROM) $(BIN)/python -m pytest -q -s conformance/upgrade

# Coppice against an operator's own scripts on the test cloud. NUMBER=N servers; OPTIONS, such as "--network private".
bench-openstack: $(VENV)/.dev openstack-up
	@COPPICE_OPENSTACK_STATE=$(abspath $(if $(filter file,$(origin STATE)),.openstack,$(STATE))) \
		$(BIN)/python benchmarks/openstack.py $(if $(NUMBER),--number $(NUMBER)) $(OPTIONS)

# The site of docs/, into build/site.
docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

# The tours and the tables of operations in README and docs/, from a real run.
readme: $(VENV)/.dev
	$(BIN)/python -m conformance.readme

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Coppice needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is incomplete: install it first (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The command, which finds this tree from where it lies itself. Not packaged: nothing is built, nothing fetched.
$(BIN)/coppice: Makefile | $(VENV)/.python
	@printf '#!/bin/sh\nhere=$$(dirname "$$(readlink -f "$$0")")\nexec "$$here/python" "$$here/../../wsgi.py" "$$@"\n' > $@
	@chmod +x $@

$(VENV)/.runtime: requirements.txt | $(VENV)/.python $(BIN)/coppice
	@echo "Installing what Coppice needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/.python $(BIN)/coppice
	@echo "Installing what the tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build
