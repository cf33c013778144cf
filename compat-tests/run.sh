#!/usr/bin/env bash
# The suites, in order: unit tests with the race detector, then everything
# that needs a server, then the fuzz targets. `short` is CI's tier, `long` the
# counts that the issues name.
set -euo pipefail
cd "$(dirname "$0")/.."
tier=${1:-short}
export FERRIS_TIER=$tier
case $tier in
short) fuzz=10s packages=2 ;; # two wait for one another little: much of the time is spent waiting
long) fuzz=30s packages=1 ;;
*) echo "usage: run.sh short|long" >&2; exit 2 ;;
esac

unit=$(go list ./... | grep -v -e /compat-tests)
compat=$(go list ./compat-tests/...)

# A suite that fails is told of at the end: the others run, so that one run shows all.
failed=()
suite() {
	local name=$1
	shift
	"$@" || failed+=("$name")
}
suite unit go test -race -timeout 15m $unit
# The race detector makes sync.Pool forget, so what must not allocate is counted
# without it.
suite allocations go test -run Allocate ./catalog/types ./exec/expr
# What goes far past its memory takes minutes with it.
suite eviction go test -timeout 15m -run 'Evicted|Limit|PageDeltas' ./exec/operator
suite limits go test -timeout 15m -run 'TheLimit' ./exec
suite compat-tests go test -timeout 60m -p $packages $compat
suite image go -C compat-tests/image test ./...
suite parquet go -C compat-tests/parquet test -mod=mod ./... # its go.mod follows ours
if [ "$tier" = long ]; then suite image/build.sh compat-tests/image/build.sh; fi

# One fuzz target at a time: go test takes one a run.
for pkg in $(go list ./...); do
	dir=${pkg#github.com/ferrisstreams/ferrisstreams}
	grep -qs '^func Fuzz' ".${dir}"/*_test.go || continue
	for target in $(grep -hos '^func Fuzz[A-Za-z0-9_]*' ".${dir}"/*_test.go | sed 's/^func //'); do
		suite "$target" compat-tests/fuzz.sh "$pkg" "$target" "$fuzz"
	done
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "failed: ${failed[*]}" >&2
	exit 1
fi
