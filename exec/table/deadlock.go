package table

import (
	"fmt"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Circle finds owners of locks who wait for each other through w: w itself first, each
// waiting for the owner of the next, the last for w's; nil: nobody does. wants is what
// an owner waits for, if he does, and blockers are the owners that one who waits waits
// for. What it looks at must not change meanwhile.
func Circle[O comparable, W any](w W, owner func(W) O, wants func(O) (W, bool), blockers func(W) []O) []W {
	first := owner(w)
	seen := map[O]bool{}
	var path []W
	var visit func(at W) bool
	visit = func(at W) bool {
		path = append(path, at)
		for _, o := range blockers(at) {
			if o == first {
				return true
			}
			next, waits := wants(o)
			if !waits || seen[o] {
				continue
			}
			seen[o] = true
			if visit(next) {
				return true
			}
		}
		path = path[:len(path)-1]
		return false
	}
	if visit(w) {
		return path
	}
	return nil
}

// Deadlock is the error of a circle. what names the lock that each waits for.
func Deadlock[W any](circle []W, pid func(W) int32, what func(W) string) error {
	var lines []string
	for i, w := range circle {
		next := circle[(i+1)%len(circle)]
		lines = append(lines, fmt.Sprintf("Process %d waits for %s; blocked by process %d.", pid(w), what(w), pid(next)))
	}
	return sqlerr.Errorf(sqlerr.DeadlockDetected, "deadlock detected").
		WithDetail("%s", strings.Join(lines, "\n")).WithHint("See server log for query details.")
}
