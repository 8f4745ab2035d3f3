# facegate: two commands are enough.
#
#   make demo   set up, build, and see it work
#   make test   set up, build, and check everything

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

BUILD := .build
BINARY := $(BUILD)/facegate
VERSION := $(shell scripts/version.sh 2>/dev/null || echo unknown)

# A folder of model files that this machine already has, taken besides what is downloaded.
MODELS_IMPORT ?= $(wildcard ../shared/models)
# Pictures to measure accuracy on; tests that need them are skipped without.
EVAL ?= $(wildcard ../shared/eval)
# How many inputs each parser is fuzzed with.
FUZZTIME ?= 500x

export FACEGATE_MODELS := $(CURDIR)/$(BUILD)/models
export FACEGATE_OPENCV_JS := $(CURDIR)/$(BUILD)/opencv-js/opencv.js
export FACEGATE_AXE := $(CURDIR)/$(BUILD)/axe/axe.min.js
export FACEGATE_NATS := $(CURDIR)/$(BUILD)/nats/nats-server
export FACEGATE_ASYNCAPI := $(CURDIR)/$(BUILD)/asyncapi/index.js
export FACEGATE_MQTTJS := $(CURDIR)/$(BUILD)/mqtt
export FACEGATE_NATSJS := $(CURDIR)/$(BUILD)/natsjs
export FACEGATE_NODE_RED := $(CURDIR)/$(BUILD)/node-red
ifneq ($(EVAL),)
export FACEGATE_EVAL := $(abspath $(EVAL))
endif
export FUZZTIME
# Everything is compiled in the same way, the program, what is checked and what is tested, so that it is compiled once: with
# -trimpath, as what is shipped, and what one checkout has compiled serves another one too.
export GOFLAGS := $(strip $(shell go env GOFLAGS 2>/dev/null) -trimpath)

say = @printf 'facegate: %s\n'
# timed goes before a command, and says how long it took.
timed = TIMEFORMAT='facegate: $(1) took %0R s, and %0U + %0S s of the processors'; time

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: models ## set up, build, fetch the models, and watch people walk up to a simulated door
	$(say) "demo"
	@$(BINARY) demo --models $(BUILD)/models --testdata testdata

.PHONY: test
test: setup-test models from-npm nats lint ## set up, build, and run every test that takes seconds
	@scripts/test.sh
	$(say) "all tests passed"

.PHONY: privacy
privacy: setup-test models ## look for faces and names in all that a gate writes, sends and remembers (part of "make test")
	$(say) "searching for faces and names"
	@go test -count=1 -v -run '^TestPrivacy' ./cmd/facegate

.PHONY: test-all
test-all: export FACEGATE_SLOW := 1
test-all: export TEST_TIMEOUT := 180m
test-all: FUZZTIME := 20000x
test-all: tools test installed lab machine ## the same with the slow tests, as on a machine with an installed gate, the lab, and under systemd

.PHONY: installed
installed: export FACEGATE_SLOW :=
installed: setup-test models from-npm nats ## run every test as on a machine with an installed gate, and see that none reaches beyond its folder
	$(say) "testing beside an installed gate"
	@scripts/installed.sh -vet=off -timeout $${TEST_TIMEOUT:-60m} ./...

.PHONY: lab
lab: models ## run the gate at a door, and test camera and lines, on emulated boards with a real kernel
	@scripts/lab/run.sh

# in-fleet runs a test of scripts/fleet on the disk.
in-fleet = [[ -x $(FACEGATE_NATS) ]] || { printf 'facegate: without nats-server there is no fleet; it is fetched with network\n' >&2; exit 1; }; \
	mkdir -p $(BUILD)/fleet; TMPDIR=$(CURDIR)/$(BUILD)/fleet go test -count=1 -v -timeout 180m -run '^$(1)$$' ./scripts/fleet -disk $(2) | \
	grep -vE '^(=== |ok |PASS)'

.PHONY: fleet
GATES = 200
TIME = 60s
EACH = 4s
SYNC = always
fleet: nats ## have 200 gates at three brokers, kill one of them, and count what is lost; GATES=, TIME=, EACH= and SYNC= change it
	@$(call in-fleet,TestFleet,-gates $(GATES) -time $(TIME) -each $(EACH) -sync $(SYNC))

.PHONY: fleet-kills
PASSAGES = 10000
fleet-kills: nats ## kill nodes and gates of a fleet again and again for 10,000 passages, a quarter of an hour; PASSAGES= changes it
	@$(call in-fleet,TestNodesKilled,-passages $(PASSAGES))

.PHONY: machine
machine: models tools ## install the package on a bare Debian 12 and 13 under systemd, and go through the life of a gate there
	@scripts/machine/run.sh contained

.PHONY: machine-emulated
machine-emulated: models tools ## the same on emulated machines with Debian's own kernels, a camera, and lines
	@scripts/machine/run.sh emulated

.PHONY: build
build: setup ## set up and build .build/facegate
	$(say) "building $(BINARY) $(VERSION)$(if $(wildcard $(BINARY)),,; the first time takes a few minutes)"
	@mkdir -p $(BUILD)
	@$(call timed,building) go build -buildvcs=false -ldflags "-X main.version=$(VERSION)" -o $(BINARY) ./cmd/facegate

.PHONY: generate
generate: setup ## write the contract with building systems, configs/contract, anew from the Go types of pipeline/publish
	$(say) "writing configs/contract"
	@go run ./scripts/contract

.PHONY: tools
tools: setup ## build what makes packages, .build/tools
	@scripts/package/tools.sh $(BUILD)/tools

.PHONY: package
package: build tools ## make a Debian package of .build/facegate for this machine
	@rm -rf $(BUILD)/package
	@VERSION=$(VERSION) WORDS=$(BINARY) scripts/package/build.sh $(BINARY) $$(dpkg --print-architecture) $(BUILD)/package

.PHONY: release
release: models tools ## build the release in .build/release, see that it does what this build does, and pack it
	@[[ -z $${RELEASE_KEY:-} ]] || scripts/package/committed.sh
	@scripts/setup.sh release
	@scripts/release.sh $(VERSION) $(BUILD)/release
	$(say) "comparing the release with this build; the other processor is emulated"
	@FACEGATE_RELEASE=$(CURDIR)/$(BUILD)/release go test -count=1 -v -timeout 30m -run '^TestRelease' \
	  ./pipeline/vision ./cmd/facegate/internal/camera | tee $(BUILD)/release/said | grep -vE '^=== '
	@if grep -e '--- SKIP' $(BUILD)/release/said; then \
	  printf 'facegate: not all was tried; the networks of all bundles are needed: MODELS_IMPORT=FOLDER (docs/models.md)\n' >&2; exit 1; fi
	@scripts/bare.sh $(BUILD)/release
	@scripts/package/release.sh $(VERSION) $(BUILD)/release $(BUILD)/release/package

.PHONY: release-again
release-again: ## build the release anew in another folder with an empty cache, and see that it is the same to the byte
	@scripts/release.sh again $(BUILD)/release

.PHONY: bench
bench: models ## measure the stages, the whole way of a frame, matching, and memory
	$(say) "benchmarking"
	@go test -run '^$$' -bench . -benchmem -timeout 60m ./...

.PHONY: lint
lint: setup ## vet, staticcheck and gofumpt, and what systemd says of the units
	$(say) "checking the source"
	@$(call timed,vet) go vet ./...
	@$(call timed,staticcheck) go tool staticcheck ./...
	@badly=$$(go tool gofumpt -l .); \
	if [[ -n $$badly ]]; then printf 'facegate: run "go tool gofumpt -w ." to format:\n%s\n' "$$badly" >&2; exit 1; fi
	@scripts/package/units.sh

.PHONY: models
models: build ## fetch and verify the models
	@$(BINARY) models fetch --bundle registry --dir $(BUILD)/models
ifneq ($(MODELS_IMPORT),)
	@$(BINARY) models import $(MODELS_IMPORT) --dir $(BUILD)/models
endif

.PHONY: clean
clean: ## remove what was built and fetched
	$(say) "removing $(BUILD)"
	@rm -rf $(BUILD)

.PHONY: setup setup-test from-npm nats
setup:
	@scripts/setup.sh build
setup-test:
	@scripts/setup.sh test
from-npm: setup-test
	@scripts/npm.sh opencv-js $(BUILD)/opencv-js
	@scripts/npm.sh axe $(BUILD)/axe
	@scripts/npm.sh asyncapi $(BUILD)/asyncapi
	@scripts/npm.sh mqtt $(BUILD)/mqtt
	@scripts/npm.sh nats $(BUILD)/natsjs
	@[[ -z $${FACEGATE_SLOW:-} ]] || scripts/npm.sh node-red $(BUILD)/node-red
nats: setup
	@scripts/nats.sh $(BUILD)/nats
