# Every target does all of its own set-up: a fresh Debian or Ubuntu machine needs rustup (or cargo) and make, nothing else.

.PHONY: help demo test test-k8s bench deps

help: ## Print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/'

demo: ## Two nodes, four fabrics, real interfaces, chosen by policies (no root needed)
	@scripts/demo

test: ## Build and run every test; as root also against containerd and cnitool
	@scripts/test

test-k8s: ## The tests against real API servers alone, built from Debian's sources the first time
	@scripts/test-k8s

bench: ## Measure against the reference plugins and `ip -batch`; writes target/bench.json
	@scripts/bench

deps: ## Install what all targets need: toolchain targets and Debian packages
	@scripts/setup all
