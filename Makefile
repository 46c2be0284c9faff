# One door for newcomers and for CI. Each target installs and builds what is missing, then goes.
# Needs Node (>= 20.19), npm and make. Everything else: scripts/setup-system.sh.

.DEFAULT_GOAL := help
.PHONY: help setup build install uninstall lint test memory fuzz soak verify cuda-kernels bench demo clean

PIONEER := node packages/pioneer/bin/pioneer.js

# PREFIX: where `make install` puts the command, as PREFIX/bin/pioneer; the repository has to stay where it is.
PREFIX ?= $(HOME)/.local
# DIR: the folder `make verify` checks against. ARGS: more options for demo, verify and bench.
DIR ?= fixtures/reference
ARGS ?=

help: ## show this list
	@echo "usage: make TARGET [ARGS=\"...\"]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "LIBTORCH=DIR uses the libtorch in DIR instead of the system's."

setup: ## install what is missing: libtorch, a C++ compiler, cmake, npm packages
	@scripts/setup-system.sh
	@scripts/setup-npm.sh

build: setup ## setup, then build C++, TypeScript and the page
	@scripts/build-native.sh
	@node_modules/.bin/tsc -b
	@scripts/build-page.sh

install: build ## build, then put the command on the PATH: PREFIX=/usr/local, or ~/.local by default
	@scripts/install-command.sh "$(PREFIX)"

uninstall: ## take the command away again
	@scripts/install-command.sh --remove "$(PREFIX)"

lint: build ## check formatting, code, Markdown and the types of tests (biome, clang-format, markdownlint, tsc, oxlint)
	@scripts/setup-system.sh lint
	@npm run --silent lint

test: lint ## build, lint, run all tests, verify against the reference numbers
	@scripts/setup-browser.sh
	@scripts/run-tests.sh
	@npm run --silent verify -- fixtures/reference

memory: build ## pack three million tiny images, as many as LSUN's bedrooms: the most memory it takes (a minute)
	@IMAGES=3000000 node_modules/.bin/vitest run packages/pioneer/test/data/memory.test.ts

fuzz: build ## read 10,000 damaged files of every format (CASES=, SEED=): no crash, hang, unexpected error or leftover
	@FUZZ_CASES=$(or $(CASES),10000) FUZZ_SEED=$(or $(SEED),1) node_modules/.bin/vitest run packages/pioneer/test/fuzz

verify: build ## compare with the reference numbers in DIR (default fixtures/reference)
	@npm run --silent verify -- "$(DIR)" $(ARGS)

soak: build ## kill trainings thirty times and in every file operation, train for 20,000 steps, and over bad links (an hour)
	@PIONEER_SOAK=1 PIONEER_KILLS=$(or $(KILLS),30) PIONEER_STEPS=$(or $(STEPS),20000) node_modules/.bin/vitest run \
		--no-file-parallelism $(addprefix packages/pioneer/test/,checkpoint/killed.test.ts cli/commands/train-ranks.test.ts \
		cli/commands/train-long.test.ts cli/commands/train-memory.test.ts soak)

cuda-kernels: build ## run the CUDA kernels thread by thread on the processor and compare them with the CPU's
	@cmake --build packages/torch/build --target cuda_kernels
	@packages/torch/build/cuda_kernels

bench: build ## measure everything (two hours), the main rows (ten minutes): ARGS=quick, or a part: ARGS="step --phase 4"
	@npm run --silent bench -- $(or $(ARGS),all)

demo: build ## train for some minutes on drawn faces and show where the pictures are
	@$(PIONEER) demo $(ARGS)

clean: ## remove everything that was built (keeps node_modules and your runs)
	rm -rf packages/*/build packages/*/dist packages/*/*.tsbuildinfo .cache
