# Everything a contributor runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= 0.1.0
GO ?= go
CACHE := $(or $(FERRIS_CACHE),$(HOME)/.cache/ferrisstreams)
LINT_VERSION := v2.15.0
LINT := $(CACHE)/bin/golangci-lint-$(LINT_VERSION)

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/ferris-sql
	$(GO) build -ldflags "-X main.version=$(VERSION)" -o bin/ferris-sql ./cmd/ferris-sql

.PHONY: demo
demo: build ## Build, start, run a job on the embedded broker, show live results, end
	./examples/demo/run.sh

.PHONY: deps
deps: ## Install what the tests need (PostgreSQL 16, drivers)
	./compat-tests/install.sh

.PHONY: lint
lint: $(LINT) ## gofmt, go vet and golangci-lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CACHE)/bin/tmp $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(CACHE)/bin/tmp/golangci-lint $@

.PHONY: test
test: deps build lint ## CI's tier: every suite with reduced counts
	./compat-tests/run.sh short

.PHONY: test-long
test-long: export FERRIS_TIER = long
test-long: deps build lint ## The counts that the issues name
	./compat-tests/run.sh long

.PHONY: unit
unit: ## Unit tests only: no server, with the race detector
	$(GO) test -race $$($(GO) list ./... | grep -v /compat-tests)

SEED ?= 1
COUNT ?= 2000

.PHONY: test-sql
test-sql: deps ## SQL against PostgreSQL 16: files, TPC-H, plans, functions
	$(GO) test -timeout 30m -p 1 ./compat-tests/slt ./compat-tests/tpch ./compat-tests/plan ./compat-tests/expr

.PHONY: test-clients
test-clients: deps ## Clients against PostgreSQL 16 and us: psql and a dozen drivers; captured statements; wire scripts
	$(GO) test -count=1 -timeout 30m ./compat-tests/clients ./compat-tests/wire -v
	$(GO) test -count=1 -timeout 20m ./compat-tests/faults -v -run 'TestConversations|TestHalfOpen|TestGarbageOnTheWire|TestHangUps'

.PHONY: test-superset
test-superset: export FERRIS_TIER = long
test-superset: deps ## Apache Superset over the demo: trees, datasets, charts, SQL Lab, as over PostgreSQL 16
	$(GO) test -count=1 -timeout 60m ./compat-tests/superset -v

.PHONY: test-tables
test-tables: deps ## Tables against PostgreSQL 16: concurrent schedules, random transactions, records
	$(GO) test -count=1 -timeout 20m ./compat-tests/tables -v -seed=$(SEED)
	$(GO) test -count=1 -timeout 20m ./compat-tests/slt -run 'TestFiles$$/dml_'

.PHONY: test-pipelines
test-pipelines: deps ## Goldens of jobs and random queries: in pieces, over partitions, killed; one answer
	$(GO) test -count=1 -timeout 20m ./compat-tests/pipelines -v -seed=$(SEED)

.PHONY: test-examples
test-examples: deps ## The examples, run as their texts say, over real systems
	$(GO) test -count=1 -timeout 20m ./compat-tests/formats -run 'TestExamples' -v
	$(GO) test -count=1 -timeout 20m ./compat-tests/systems -run 'Example|TestEcommerce|TestFraud|TestIoT|TestBatch' -v

.PHONY: test-formats
test-formats: deps ## Formats: decoders and encoders against other libraries, topics, files, registries, examples
	$(GO) test -count=1 -timeout 20m ./connectors/format/... ./connectors/kafka ./connectors/file -run 'Avro|Parquet|Protobuf|Schema|Change|Connect|Debezium|Columns|Hostile|Random|RoundTrip|Damaged|Claims|Growing|NoForm|Registry|Container|Decode|Encode|Resolve|Framing|Derive|Recursive|BesideType|Bad|Formats|Fuzz|Message|Compat|Reads|Framed'
	$(GO) test -count=1 -timeout 20m ./compat-tests/formats
	cd compat-tests/parquet && $(GO) test -mod=mod -count=1 ./...

.PHONY: test-kafka
test-kafka: deps ## Kafka: the fake broker and Apache Kafka by one suite, users, certificates, tokens, tickets, a cluster whose leaders change
	$(GO) test -count=1 -timeout 20m ./connectors/kafka
	$(GO) test -count=1 -timeout 30m -v ./compat-tests/kafka

.PHONY: test-nexmark
test-nexmark: deps ## Nexmark q0-q22 in jobs, over 100,000 events, against PostgreSQL 16
	$(GO) test -count=1 -timeout 20m ./compat-tests/nexmark -v -run TestQueries -seed=$(SEED)

.PHONY: fuzz-sql
fuzz-sql: deps ## Random queries against PostgreSQL 16: COUNT=2000 of them from SEED=1
	$(GO) test -timeout 4h -count=1 ./compat-tests/slt -run TestRandom -v -seed=$(SEED) -queries=$(COUNT)

.PHONY: test-connectors
test-connectors: deps ## Every connector by one suite, and the gateway beside a PostgreSQL that crashes
	$(GO) test -count=1 -timeout 20m ./connectors/...
	$(GO) test -count=1 -timeout 20m ./compat-tests/systems -v

KILLS ?= 10

.PHONY: test-crash
test-crash: deps ## Jobs killed with SIGKILL under load, KILLS=10 times, on the fake broker and Apache Kafka
	FERRIS_KILLS=$(KILLS) $(GO) test -timeout 2h -count=1 -v ./compat-tests/crash

.PHONY: bench
bench: deps build ## Measure, as a table; non-zero below a bar
	$(GO) test ./compat-tests/bench -run TestBars -count=1 -timeout 40m -v -bars

.PHONY: bench-stream
bench-stream: deps build ## Measure jobs over streams, and Nexmark's queries
	$(GO) test ./compat-tests/bench -run TestBars -count=1 -timeout 60m -v -bars -only stream
	$(GO) test ./compat-tests/nexmark -run TestSpeed -count=1 -timeout 60m -v -speed

.PHONY: bench-flink
bench-flink: export FERRIS_TIER = long
bench-flink: deps ## Measure Nexmark's queries beside Flink SQL, over the same topics of an Apache Kafka
	$(GO) test ./compat-tests/nexmark -run TestFlink -count=1 -timeout 90m -v

.PHONY: man
man: build ## Write the manual pages into bin/man
	./bin/ferris-sql man bin/man
