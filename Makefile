# weir: the verbs of this repository. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run build image install test check bench pgo fuzz web soak tools-for-tests

CONF     ?= conf/rtmp.conf
BENCH    ?= .
BASELINE ?=
FUZZTIME ?= 10s
IMAGE    ?= weir:latest
PREFIX   ?= /usr/local
TOOL     := go tool -modfile=tools/go.mod
TARGETS  := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# An ffmpeg that speaks Enhanced RTMP, for the tests: found or fetched once a machine.
WITH_FFMPEG = WEIR_FFMPEG7=$$(test/ffmpeg.sh 7) && WEIR_FFMPEG9=$$(test/ffmpeg.sh 9) && export WEIR_FFMPEG7 WEIR_FFMPEG9

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the server with CONF (conf/rtmp.conf)
	bin/weir -c $(CONF)

build: ## build bin/weir: one static binary, Go is all it takes
	CGO_ENABLED=0 go build -trimpath -o bin/weir ./cmd/weir

image: ## the image IMAGE (weir:latest), by docker, podman or buildah; asks no registry
	deploy/docker/image.sh $(IMAGE)

install: build ## the binary, a unit of systemd and, where there is none, a configuration; below DESTDIR
	install -D -m 755 bin/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)/etc/weir
	for unit in weir.service weir.socket; do \
		sed 's|/usr/local/bin/|$(PREFIX)/bin/|' deploy/systemd/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; \
	done
	test -e $(DESTDIR)/etc/weir/weir.conf || install -m 644 conf/live.conf $(DESTDIR)/etc/weir/weir.conf

test: tools-for-tests ## vet, then all tests under the race detector; installs what they need
	go vet ./...
	@$(WITH_FFMPEG) && echo "go test -race -timeout 20m ./..." && \
		CGO_ENABLED=1 go test -race -timeout 20m ./...

check: ## formatting, vet, staticcheck, golangci-lint, and a build for every platform
	@files=$$(gofmt -l .) && if [ -n "$$files" ]; then printf 'gofmt: not formatted:\n%s\n' "$$files"; exit 1; fi
	go vet ./...
	go vet -tags soak ./...
	go vet -tags noaac ./internal/audio
	go test -tags noaac -run WithoutAAC ./internal/audio
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run ./...
	@set -e; for target in $(TARGETS); do \
		echo "build $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build ./...; \
	done

bench: ## benchmarks that match BENCH (all), 3 minutes, against test/bench/baseline.txt; BASELINE=new replaces it
	@test/bench.sh '$(BENCH)' '$(BASELINE)'

pgo: build ## a profile of the server under load for the next builds: cmd/weir/default.pgo
	test/pgo.sh

fuzz: ## every fuzz target for FUZZTIME (10s)
	test/fuzz.sh $(FUZZTIME)

web: ## the players of web/package-lock.json, copied into the server; needs npm, as no other verb does
	cd web && npm ci --ignore-scripts --no-audit --no-fund && ./copy.sh

soak: tools-for-tests ## the long tests (build tag soak), an hour at most
	@$(WITH_FFMPEG) && timeout -k 30s 1h go test -tags soak -run Soak -timeout 59m -v ./test/... ./internal/protocol/webrtc ./internal/cluster

tools-for-tests:
	@test/install.sh
