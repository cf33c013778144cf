package memory

import (
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// SpillTo lets the holders of accounts below this one, which must have none yet,
// write to disk what they hold past ratio of a limit.
func (a *Account) SpillTo(d *Disk, ratio float64) { a.disk, a.ratio = d, ratio }

// Spillable returns a child for a holder that can write to disk what it holds.
// It passes limits, so that the holder can take a batch in whole; after each
// batch the holder asks Pressed, and having written, Check. Where nothing may be
// written it is a child as any other.
func (a *Account) Spillable(name string) *Account {
	if a == nil {
		return nil
	}
	c := a.Child(name, 0, "")
	if a.disk != nil {
		c.spillable = true
		a.holders.Add(1)
	}
	return c
}

// CanSpill reports whether the holder of the account can write to disk.
func (a *Account) CanSpill() bool { return a != nil && a.spillable }

// Pressed reports whether the holder of the account should write to disk what
// it holds: a limit is passed; or the ratio of one is, and the holder has not
// little; or the holder has more than its share of it and others do not have
// little. A holder of next to nothing is not asked for what would help nobody,
// and one alone may fill the limit.
func (a *Account) Pressed() bool {
	if !a.CanSpill() {
		return false
	}
	own := a.used.Load()
	for at := a.parent; at != nil; at = at.parent {
		if at.limit == 0 {
			continue
		}
		used, soft := at.used.Load(), int64(at.ratio*float64(at.limit))
		share := soft / max(at.holders.Load(), 1)
		switch {
		case used > at.limit && own > 0,
			used > soft && own > soft/16,
			used > soft/2 && own > share && used-own > soft/16:
			return true
		}
	}
	return false
}

// Doubles reports whether the holder should stop growing by doubling what it
// holds: that would pass a limit, and it has not little.
func (a *Account) Doubles() bool {
	if !a.CanSpill() {
		return false
	}
	own := a.used.Load()
	for at := a.parent; at != nil; at = at.parent {
		soft := int64(at.ratio * float64(at.limit))
		if at.limit > 0 && own > soft/16 && at.used.Load()+own > soft {
			return true
		}
	}
	return false
}

// slack is how far past a limit a holder may go that writes to disk: the buffers
// to write with, and the batch that made it pressed.
func slack(limit int64) int64 { return limit/8 + 1<<20 }

// Check returns 53200 where a limit is passed by more than the holder needs to
// write to disk. A holder asks it when it has no more that it could write.
func (a *Account) Check() error {
	if !a.CanSpill() {
		return nil
	}
	for at := a.parent; at != nil; at = at.parent {
		if used := at.used.Load(); at.limit > 0 && used > at.limit+slack(at.limit) {
			return at.exceeded(used)
		}
	}
	return nil
}

// Room is how many bytes the holder may have more before it is pressed, at
// least least: what it should plan its buffers with.
func (a *Account) Room(least int64) int64 {
	room := int64(1) << 40
	if a == nil {
		return room
	}
	for at := a.parent; at != nil; at = at.parent {
		if at.evicts {
			room = min(room, int64(displacing*float64(at.evict))-a.used.Load())
		}
		if at.limit == 0 {
			continue
		}
		soft := int64(at.ratio * float64(at.limit))
		room = min(room, soft-at.used.Load(), soft/max(at.holders.Load(), 1))
	}
	return max(room, least)
}

// NewFile makes a spill file. It is closed with the account above the spillable
// ones, if not before.
func (a *Account) NewFile() (*File, error) {
	owner := a
	for owner.spillable && owner.parent != nil {
		owner = owner.parent
	}
	if a.disk == nil {
		return nil, sqlerr.Errorf(sqlerr.InternalError, "%s makes a spill file without a disk", a.name)
	}
	f, err := a.disk.create()
	if err != nil {
		return nil, err
	}
	out := &File{disk: a.disk, f: f, owner: owner, count: a}
	owner.files.add(out)
	return out, nil
}

// Spilled is the number of bytes that the account's holder has written to disk.
func (a *Account) Spilled() int64 {
	if a == nil {
		return 0
	}
	return a.spilled.Load()
}

func (a *Account) forget(f *File) { a.files.remove(f) }

// openFiles are the files of an account. Its holders close them; what they leave
// the account closes.
type openFiles struct {
	mu  sync.Mutex
	all map[*File]struct{}
}

func (o *openFiles) add(f *File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[*File]struct{}{}
	}
	o.all[f] = struct{}{}
}

func (o *openFiles) remove(f *File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, f)
}

func (o *openFiles) close() {
	o.mu.Lock()
	left := o.all
	o.all = nil
	o.mu.Unlock()
	for f := range left {
		_ = f.Close() // it holds nothing that anybody reads
	}
}
