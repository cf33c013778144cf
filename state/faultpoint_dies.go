//go:build faultpoints

package state

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// death is where the process dies: at the n-th pass of a point, as FERRIS_DIE_AT
// says, "decided:3". Without it nowhere.
var death = struct {
	point string
	left  atomic.Int64
}{}

func init() {
	point, n, _ := strings.Cut(os.Getenv("FERRIS_DIE_AT"), ":")
	times, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		times = 1
	}
	death.point = point
	death.left.Store(times)
}

// FaultPoint ends the process, as SIGKILL does, where it is to die here.
func FaultPoint(point string) {
	if point != death.point || death.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it comes at once, and nothing goes on before
}

// dieAt is FaultPoint at a durable step of the store.
func dieAt(at step) error {
	FaultPoint(string(at))
	return nil
}
