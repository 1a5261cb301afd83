#!/bin/bash
# Runs every fuzz target of the module, one after the other, for $1 each (10s by default).
set -euo pipefail
time=${1:-10s}

# go test -list prints a package's targets, then its "ok" line.
targets=$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ {t[n++] = $1} /^ok/ {for (i = 0; i < n; i++) print $2, t[i]; n = 0}')
if [ -z "$targets" ]; then
	echo "fuzz: no targets"
	exit
fi
failed=()
while read -r package target; do
	echo "== $package $target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" </dev/null || failed+=("$package.$target")
done <<<"$targets"
if [ ${#failed[@]} -gt 0 ]; then
	echo "fuzz: failed: ${failed[*]}" >&2
	exit 1
fi
