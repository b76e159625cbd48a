# The commands of this repository. Rust through rustup is the one prerequisite; what else is
# missing, each command installs. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test check bench up down install build

export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
BACKLOG := $(or $(CARGO_TARGET_DIR),target)/debug/backlog

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## Build, then play the story on a private Postgres and NATS
	$(BACKLOG) demo

# One set of packages and targets for all of it: Cargo builds a dependency anew for each set of
# features that a set of packages asks for.
test: install ## Run all tests, on a private Postgres and NATS
	cargo build --workspace --all-targets
	@deploy/local/test.sh

check: install ## Check format, lints, architecture, licenses and the protobuf files
	@deploy/local/components.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --quiet --workspace --test architecture
	@buf=$$(deploy/local/buf.sh) && echo "buf lint" && "$$buf" lint

bench: build ## Measure the system on this machine; BENCH_OPTIONS="--only B1,B3 --pairs 3"
	$(dir $(BACKLOG))backlog-bench $(BENCH_OPTIONS)

up: build ## Start the local stack and the services, and keep them running
	$(BACKLOG) dev up

down: build ## End what `make up` started, and remove its files
	$(BACKLOG) dev down

install:
	@deploy/local/install.sh

build: install
	cargo build --workspace --bins
