#!/usr/bin/env bash
# fuzz.sh TIME PACKAGE [TARGET...] fuzzes targets of a package, all of them where none is
# named, each for TIME. The package is built once: `go test -fuzz` links it for each target.
#
# Before Go 1.27 a run that ends because its time is over may report itself as
# failed with "context deadline exceeded" (https://go.dev/issue/75804). Such a
# report has nothing else in it; one that names an input, a panic or a failed
# assertion is a failure, whatever the time.
set -uo pipefail
time=$1 pkg=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dir=$(go list -f '{{.Dir}}' "$pkg") || exit 1
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/^func //')
[ ${#targets[@]} -gt 0 ] || { echo "fuzz.sh: $pkg has no fuzz target" >&2; exit 1; }
go test -vet=off -c -fuzz . -o "$work/fuzz.test" "$pkg" || exit 1
corpus=$(go env GOCACHE)/fuzz/$(go list "$pkg") # where go test keeps what it has found

fuzz() {
	local target=$1 status rest
	echo "fuzz $pkg $target $time"
	# As go test runs it: in the package's folder, into which a failing input goes.
	(cd "$dir" && exec "$work/fuzz.test" -test.paniconexit0 -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
		-test.fuzzcachedir "$corpus" -test.parallel 2) 2>&1 | tee "$work/out"
	status=${PIPESTATUS[0]}
	if [ "$status" -eq 0 ]; then return 0; fi

	# What the toolchain's fault prints, and no line more.
	rest=$(grep -v -x -E \
		-e 'fuzz: elapsed: .*' \
		-e '--- FAIL: Fuzz[A-Za-z0-9_]* \([0-9.]+s\)' \
		-e ' *context deadline exceeded' \
		-e 'FAIL' -e 'PASS' -e '' "$work/out")
	if grep -q -x -E ' *context deadline exceeded' "$work/out" && [ -z "$rest" ]; then
		echo "fuzz $pkg $target: the time was over (go.dev/issue/75804), no failing input"
		return 0
	fi
	return "$status"
}

failed=()
for target in "${targets[@]}"; do
	fuzz "$target" || failed+=("$target")
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "fuzz $pkg: failed: ${failed[*]}" >&2
	exit 1
fi
