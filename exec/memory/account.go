// Package memory counts who holds how much: an Account for the process, below
// it one for each query, below that one for each operator that can write what it
// holds to disk; and it owns the files that these write. It counts what its
// callers say and owns no memory itself.
package memory

import (
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Settings whose limits are enforced here.
const (
	ProcessSetting = "sql.max_memory_mb"
	QuerySetting   = "sql.query_memory_limit_mb"
)

// Account counts bytes against its own limit and those of the accounts above.
// A nil Account counts nothing and refuses nothing. Any goroutine may use it.
type Account struct {
	parent  *Account
	name    string
	limit   int64 // bytes; 0: none
	setting string
	used    atomic.Int64
	peak    atomic.Int64
	crest   atomic.Int64 // likewise, since Crest was called

	disk      *Disk   // nil: nothing is written to disk
	ratio     float64 // of each limit, past which holders write
	spillable bool
	holders   atomic.Int64 // accounts below this one that are spillable
	spilled   atomic.Int64 // bytes written, those that are gone included

	evict     int64 // what those below that can evict keep less than, where evicts is set
	evicts    bool
	evictable bool
	passing   bool
	evicters  atomic.Int64 // evictable accounts below this one
	held      atomic.Int64 // and the bytes that they hold
	files     openFiles
}

// New returns an account with nothing above it. limit is in bytes, 0 for none;
// setting is the name of what sets it, for the error.
func New(name string, limit int64, setting string) *Account {
	return &Account{name: name, limit: limit, setting: setting}
}

// Child returns an account that counts here too. limit 0: only the limits above.
func (a *Account) Child(name string, limit int64, setting string) *Account {
	c := &Account{parent: a, name: name, limit: limit, setting: setting}
	if a != nil {
		c.disk, c.ratio = a.disk, a.ratio
	}
	return c
}

// Passing returns a child for a holder that keeps little, and passes it on soon. It
// passes limits: those who keep what is passed on make room, or are refused.
func (a *Account) Passing(name string) *Account {
	if a == nil {
		return nil
	}
	c := a.Child(name, 0, "")
	c.passing = true
	return c
}

// Reserve counts n more bytes. Where that passes a limit nothing is counted and
// the error, 53200, names the figure and the setting. A spillable account passes
// limits: its holder asks Pressed and Check after each batch. So do an evictable and a
// passing one.
func (a *Account) Reserve(n int64) error {
	if a != nil && (a.spillable || a.evictable || a.passing) {
		a.Force(n)
		return nil
	}
	for at := a; at != nil; at = at.parent {
		used := at.used.Add(n)
		if at.limit > 0 && used > at.limit && !at.yields(used) {
			for undo := a; ; undo = undo.parent {
				undo.used.Add(-n)
				if undo == at {
					return at.exceeded(used)
				}
			}
		}
		at.raisePeak(used)
	}
	return nil
}

func (a *Account) exceeded(wanted int64) error {
	return sqlerr.Errorf(sqlerr.OutOfMemory, "out of memory: %s would hold %s, over its limit of %s", a.name, megabytes(wanted), megabytes(a.limit)).
		WithDetail("The limit is set by %s = %d.", a.setting, a.limit>>20).
		WithHint("Let the query keep fewer rows or groups, or raise %s.", a.setting)
}

func (a *Account) raisePeak(used int64) {
	raise(&a.peak, used)
	raise(&a.crest, used)
}

func raise(most *atomic.Int64, used int64) {
	for {
		peak := most.Load()
		if used <= peak || most.CompareAndSwap(peak, used) {
			return
		}
	}
}

// Release gives back n bytes that were reserved.
func (a *Account) Release(n int64) {
	if a != nil && a.evictable {
		a.countEvictable(-n)
	}
	for at := a; at != nil; at = at.parent {
		at.used.Add(-n)
	}
}

// Resize changes a reservation from old bytes to now bytes.
func (a *Account) Resize(old, now int64) error {
	if now > old {
		return a.Reserve(now - old)
	}
	a.Release(old - now)
	return nil
}

// Force counts n more bytes, whatever the limits.
func (a *Account) Force(n int64) {
	if a != nil && a.evictable {
		a.countEvictable(n)
	}
	for at := a; at != nil; at = at.parent {
		at.raisePeak(at.used.Add(n))
	}
}

// Close gives back all that the account holds, and closes the files made below
// it that are still open. It may be called twice.
func (a *Account) Close() {
	if a == nil {
		return
	}
	n := a.used.Swap(0)
	if a.evictable {
		a.countEvictable(-n)
		a.closeEvictable()
	}
	a.parent.Release(n)
	if a.spillable {
		a.spillable = false
		a.parent.holders.Add(-1)
	}
	a.files.close()
}

// Used is the number of bytes held now.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	return a.used.Load()
}

// Peak is the most bytes held at one time.
func (a *Account) Peak() int64 {
	if a == nil {
		return 0
	}
	return a.peak.Load()
}

// Crest is the most bytes held at one time since it was last called.
func (a *Account) Crest() int64 {
	if a == nil {
		return 0
	}
	return a.crest.Swap(a.used.Load())
}
