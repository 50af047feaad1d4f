SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
LOGS := $(TARGET)/test-logs
VENV := $(TARGET)/clients-venv
CLIENTS := tests/clients
XTASK := cargo xtask
DENY_VERSION := 0.20.2

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: run
run: ## Build and start the gateway on 127.0.0.1:8080, without a configuration
	cargo run --package server --bin tollgate -- serve

.PHONY: lint
lint: tidy audit ## Formatting, clippy, drift of generated files, dependency rules
	cargo clippy --workspace --all-targets --quiet -- -D warnings

.PHONY: tidy
tidy: ## The cheap half of lint: formatting, file rules, generated files
	cargo fetch --locked --quiet
	cargo fmt --all --check
	$(XTASK) tidy
	$(XTASK) schema --check
	$(XTASK) docs --check
	python3 tests/cases.py --check

.PHONY: docs
docs: ## Write the generated files anew: schema, error pages, table of cases
	$(XTASK) schema
	$(XTASK) docs
	python3 tests/cases.py

.PHONY: audit
audit: ## Licences, banned crates, sources and advisories of the dependencies
	@PATH="$$PWD/$(TARGET)/tools/bin:$$PATH"
	if ! cargo deny --version >/dev/null 2>&1; then
		echo "installing cargo-deny $(DENY_VERSION) into $(TARGET)/tools (about a minute)"
		cargo install cargo-deny --version $(DENY_VERSION) --locked --debug --quiet --root $(TARGET)/tools --target-dir $(TARGET)/tools/build
		rm -r $(TARGET)/tools/build
	fi
	if cargo deny fetch db >/dev/null 2>&1; then
		cargo deny check
	else
		echo "SKIPPED: the advisories, because their database cannot be reached from here"
		cargo deny --offline check licenses bans sources
	fi

.PHONY: test
test: ## All tests: the workspace's, then real client libraries against the running gateway
	@rm -rf $(LOGS) && mkdir -p $(LOGS)
	cargo test --workspace --no-fail-fast 2>&1 | tee $(LOGS)/cargo.log
	$(MAKE) --no-print-directory test-clients
	python3 tests/count.py $(LOGS)

.PHONY: test-clients
test-clients: $(VENV)/installed $(VENV)-frameworks/installed $(VENV)-llama_index/installed $(CLIENTS)/node/node_modules/.package-lock.json ## The client libraries alone
	mkdir -p $(LOGS)
	cargo build --quiet --package server --bin tollgate --package testkit --bin scripted-upstream
	$(VENV)/bin/python $(CLIENTS)/with_gateway.py $(TARGET)/debug -- $(VENV)/bin/python -m pytest $(CLIENTS)/python --junitxml=$(LOGS)/python.xml
	for suite in frameworks llama_index; do \
		$(VENV)/bin/python $(CLIENTS)/with_gateway.py $(TARGET)/debug -- $(VENV)-$$suite/bin/python -m pytest $(CLIENTS)/$$suite --junitxml=$(LOGS)/$$suite.xml || exit 1; \
	done
	$(VENV)/bin/python $(CLIENTS)/with_gateway.py $(TARGET)/debug -- npm --prefix $(CLIENTS)/node test -- \
		--test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit --test-reporter-destination=$(abspath $(LOGS))/node.xml

.PHONY: test-assistants
test-assistants: $(VENV)/installed $(CLIENTS)/assistants/node_modules/.package-lock.json ## Coding assistants at work (800 MB of packages)
	mkdir -p $(LOGS)
	cargo build --quiet --package server --bin tollgate
	$(VENV)/bin/python $(CLIENTS)/with_gateway.py $(TARGET)/debug -- npm --prefix $(CLIENTS)/assistants test

$(VENV)/installed: $(CLIENTS)/python/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement $<
	touch $@

# Frameworks hold on to older SDKs: each has an environment of its own.
$(VENV)-%/installed: $(CLIENTS)/%/requirements.txt
	python3 -m venv $(VENV)-$*
	$(VENV)-$*/bin/pip install --quiet --requirement $<
	touch $@

$(CLIENTS)/%/node_modules/.package-lock.json: $(CLIENTS)/%/package-lock.json
	npm --prefix $(CLIENTS)/$* ci --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: bench
bench: ## Load against the upstream itself, a bare proxy and the gateway (under 10 minutes)
	cargo run --profile dist --package bench -- run

.PHONY: bench-peers
bench-peers: ## The same load against other gateways, installed from their registries
	cargo run --profile dist --package bench -- peers

.PHONY: soak
soak: ## Ten minutes of load on the gateway, its memory watched
	cargo run --profile dist --package bench -- run --quick --soak 10m

.PHONY: soak-kill
soak-kill: ## Kill the gateway 1,000 times under load: no spend lost, none doubled (about 15 minutes)
	cargo build --quiet --package server --bin tollgate --package testkit --bin kill-soak
	$(TARGET)/debug/kill-soak --gateway $(TARGET)/debug/tollgate

.PHONY: fuzz
fuzz: ## Every fuzz target for ten minutes (needs cargo-fuzz and a nightly toolchain: fuzz/README.md)
	fuzz/run 600
