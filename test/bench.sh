#!/bin/bash
# Runs the benchmarks that match $1 (all), writes bin/bench.txt and compares it with the baseline.
# $2 = new makes it the baseline. Against the baseline of another machine only the allocations tell
# something.
set -euo pipefail
pattern=${1:-.} mode=${2:-}
baseline=test/bench/baseline.txt out=bin/bench.txt
if [ -n "$mode" ] && [ "$mode" != new ]; then
	echo "bench: BASELINE is new or nothing, not $mode" >&2
	exit 2
fi

# Two processors everywhere, for their number is part of a benchmark's name. Six runs: benchstat
# tells a change from noise by their spread, and needs so many.
options=(-benchmem -cpu 2 -count 6 -benchtime 200ms)
mkdir -p bin
{
	echo "# $(uname -s -m), $(getconf _NPROCESSORS_ONLN) processors, $(go env GOVERSION), $(date -u +%F)"
	echo "# go test -run '^$' -bench '$pattern' ${options[*]} ./..."
} >"$out"
go test -run '^$' -bench "$pattern" "${options[@]}" -timeout 15m ./... |
	awk '/^(PASS|ok)/ || /no test files/ {next} {print; fflush()}' | tee -a "$out"
if ! grep -q '^Benchmark' "$out"; then
	echo "bench: no benchmark matches $pattern" >&2
	exit 1
fi

if [ "$mode" = new ]; then
	cp "$out" "$baseline"
	echo "bench: $baseline is new"
	exit
fi
awk 'NR == FNR {run[$1]; next} !/^Benchmark/ || $1 in run' "$out" "$baseline" >bin/baseline.txt # without what has not run
go tool -modfile=tools/go.mod benchstat -ignore cpu before=bin/baseline.txt now="$out"
