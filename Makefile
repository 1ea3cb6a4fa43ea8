# The one door. `make help` lists what is behind it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
LOG := target/test-output.log

.PHONY: help run dev build test check fmt schema conformance bench release

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## five events through the three binaries, against the embedded sandbox; no account, no network
	@target/debug/gatepass dev --once

dev: build ## the same, but it stays up and takes your events
	@target/debug/gatepass dev

build: ## all binaries, for development
	@$(CARGO) build --workspace --bins

test: ## every test; then nothing of what was printed may look like a credential
	@mkdir -p target
	@$(CARGO) test --workspace 2>&1 | tee $(LOG)
	@scripts/no-credentials $(LOG)

check: ## format, clippy, rustdoc, the committed schema, and cargo-deny where it is at hand
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets -- -D warnings
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet
	@$(CARGO) run --quiet -p gatepass -- check --schema | diff docs/gatepass.schema.json - \
	  || { echo 'docs/gatepass.schema.json is not what the types say: run `make schema`'; exit 1; }
	@scripts/deny

fmt: ## format everything
	@$(CARGO) fmt --all

schema: ## write docs/gatepass.schema.json from the configuration's types
	@$(CARGO) run --quiet -p gatepass -- check --schema > docs/gatepass.schema.json

conformance: ## against real peers and documents: needs pip and npm with their indexes, or says what it skips
	@scripts/conformance

bench: ## what is measured against what: bench/README.md
	@$(CARGO) run --release --quiet -p gatepass-bench -- lint

release: ## the three function binaries as they are deployed, each built alone: a workspace build unifies features
	@for cloud in aws gcp azure; do $(CARGO) build --release -p gatepass-$$cloud; done
	@ls -l target/release/gatepass-{aws,gcp,azure} | awk '{ printf "%-40s %s bytes\n", $$NF, $$5 }'
