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
go test -race -timeout 15m $unit
# The race detector makes sync.Pool forget, so what must not allocate is counted
# without it.
go test -run Allocate ./catalog/types ./exec/expr
go test -timeout 60m -p $packages $compat
(cd compat-tests/image && go test ./...)
(cd compat-tests/parquet && go test -mod=mod ./...) # its go.mod follows ours
if [ "$tier" = long ]; then compat-tests/image/build.sh; fi

# One fuzz target at a time: go test takes one a run.
for pkg in $(go list ./...); do
	dir=${pkg#github.com/ferrisstreams/ferrisstreams}
	grep -qs '^func Fuzz' ".${dir}"/*_test.go || continue
	for target in $(grep -hos '^func Fuzz[A-Za-z0-9_]*' ".${dir}"/*_test.go | sed 's/^func //'); do
		compat-tests/fuzz.sh "$pkg" "$target" "$fuzz"
	done
done
