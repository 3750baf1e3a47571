# Every target does all of its own set-up: a fresh Debian or Ubuntu machine needs rustup (or cargo) and make, nothing else.

.PHONY: help demo test bench deps

help: ## Print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: ## Two nodes, four fabrics, real interfaces, chosen by policies (no root needed)
	@scripts/demo

test: ## Build and run every test; as root also against containerd and cnitool
	@scripts/test

bench: ## Measure against the reference plugins and `ip -batch`; writes target/bench.json
	@scripts/bench

deps: ## Install what all targets need: toolchain targets and Debian packages
	@scripts/setup all
