#!/usr/bin/env bash
# The suites, in order: unit tests with the race detector, then everything
# that needs a server, then the fuzz targets. `short` is CI's tier, `long` the
# counts that the issues name.
set -euo pipefail
cd "$(dirname "$0")/.."
tier=${1:-short}
export FERRIS_TIER=$tier
case $tier in
short) fuzz=10s packages=2 limit=60m ;; # two wait for one another little: much of the time is spent waiting
long) fuzz=30s packages=1 limit=120m ;;
*) echo "usage: run.sh short|long" >&2; exit 2 ;;
esac

# An operator belongs to one goroutine. Its tests take minutes with the race detector, and can
# show a race where a goroutine merges what has been evicted: the suite "merging" is of those.
unit=$(go list ./... | grep -v -e /compat-tests -e '/exec/operator$')
compat=$(go list ./compat-tests/...)

# A suite that fails is told of at the end: the others run, so that one run shows all.
failed=()
suite() {
	local name=$1
	shift
	"$@" || failed+=("$name")
}

# Suites of few packages run side by side, and show what they print when they end.
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
names=() pids=()
begin() {
	local name=$1
	shift
	"$@" >"$output/$name" 2>&1 &
	names+=("$name") pids+=($!)
}
finish() {
	local i
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || failed+=("${names[i]}")
		cat "$output/${names[i]}"
	done
	names=() pids=()
}

# Everything has been vetted by `make lint`.
# Much of the time is spent waiting: for epochs, brokers, disks.
suite unit go test -vet=off -race -p 4 -parallel 4 -timeout 15m $unit
begin merging go test -vet=off -race -timeout 15m -run Evicted ./exec/operator
# The race detector looks at pointers, too: here the compiler's checks do.
begin operators go test -vet=off -gcflags=-d=checkptr -timeout 15m ./exec/operator
# The race detector makes sync.Pool forget, so what must not allocate is counted
# without it.
begin allocations go test -vet=off -run Allocate ./catalog/types ./exec/expr
finish
# What goes far past its memory takes minutes with the race detector, and holds more where
# others keep the processors from what evicts.
suite limits go test -vet=off -timeout 15m -run TheLimit ./exec
suite compat-tests go test -vet=off -timeout $limit -p $packages $compat
suite image go -C compat-tests/image test ./...
suite parquet go -C compat-tests/parquet test -mod=mod ./... # its go.mod follows ours
if [ "$tier" = long ]; then suite image/build.sh compat-tests/image/build.sh; fi

for pkg in $(go list ./...); do
	dir=${pkg#github.com/ferrisstreams/ferrisstreams}
	grep -qs '^func Fuzz' ".${dir}"/*_test.go || continue
	suite "fuzz $pkg" compat-tests/fuzz.sh "$fuzz" "$pkg"
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "failed: ${failed[*]}" >&2
	exit 1
fi
