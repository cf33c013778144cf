package memory

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// Resident bytes are those that stay: pages of tables. The collector lets the
// heap grow by a percentage of all that lives, 400 in a server, which is meant
// for what comes and goes; what stays would be paid for five times. So where
// much is resident the percentage is set such that the rest may grow as before,
// but by growLittle only while there is little of it, and what stays by an eighth.

const (
	growLittle = 64 << 20
	little     = 128 << 20
)

// residentStep is how far resident bytes move before the percentage does.
const residentStep = 8 << 20

var resident struct {
	bytes atomic.Int64
	set   atomic.Int64 // bytes that the percentage was last set for

	mu   sync.Mutex
	base int // percent where nothing is resident; 0: not asked for yet
}

// Resident counts n more bytes that stay, or fewer.
func Resident(n int64) {
	now := resident.bytes.Add(n)
	if d := now - resident.set.Load(); d > residentStep || d < -residentStep {
		pace()
	}
}

func pace() {
	resident.mu.Lock()
	defer resident.mu.Unlock()
	now := resident.bytes.Load()
	if d := now - resident.set.Load(); d <= residentStep && d >= -residentStep {
		return
	}
	resident.set.Store(now)
	if os.Getenv("GOGC") != "" {
		return
	}
	if resident.base == 0 {
		resident.base = debug.SetGCPercent(100)
	}
	if resident.base < 0 {
		debug.SetGCPercent(resident.base)
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	rest := max(float64(live[0].Value.Uint64())-float64(now), 16<<20)
	grow := min(rest*float64(resident.base)/100, max(growLittle, rest-little)) + float64(now)/8
	if now < residentStep {
		grow = rest * float64(resident.base) / 100
	}
	percent := grow / (rest + float64(now)) * 100
	debug.SetGCPercent(int(math.Max(10, math.Min(percent, float64(resident.base)))))
}
