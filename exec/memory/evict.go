package memory

// evictRatio is how much of a limit holders that can evict keep: what passes
// through them, and what is being written, needs room too.
const evictRatio = 0.8

// EvictAbove says that holders below this account which can evict are to keep
// less than limit bytes, where that is less than the limits that refuse. 0: as
// little as they can; without it the limits themselves count.
func (a *Account) EvictAbove(limit int64) { a.evict, a.evicts = limit, true }

// Evictable returns a child for a holder that can drop what it holds and get it
// back from where it is stored. It passes limits, so that a batch is taken in
// whole; its holder keeps to Share as soon as it can.
func (a *Account) Evictable(name string) *Account {
	if a == nil {
		return nil
	}
	c := a.Child(name, 0, "")
	c.evictable = true
	for at := a; at != nil; at = at.parent {
		at.evicters.Add(1)
	}
	return c
}

// displacing is which part of what those that evict keep to a holder may have that spills,
// where all have more than that.
const displacing = 0.25

// Displaces reports whether the holder of a spillable account, which cannot evict, has so
// much that those that can would have to make room for it.
func (a *Account) Displaces() bool {
	if !a.CanSpill() {
		return false
	}
	own := float64(a.used.Load())
	for at := a.parent; at != nil; at = at.parent {
		if at.evicts && own > displacing*float64(at.evict) && float64(at.used.Load()) > evictRatio*float64(at.evict) {
			return true
		}
	}
	return false
}

// Overrun returns 53200 where a limit that refuses is passed by half and more. The
// holder of an evictable account asks for it where it may have to hold what comes until
// an epoch ends that cannot end yet.
func (a *Account) Overrun() error {
	if a == nil || !a.evictable {
		return nil
	}
	for at := a.parent; at != nil; at = at.parent {
		if used := at.used.Load(); at.limit > 0 && used > at.limit+max(at.limit/2, leastOverrun) {
			return at.exceeded(used)
		}
	}
	return nil
}

// yields reports whether an account that holds so much is over its limit only for what
// its holders are about to evict: what others need is not refused for that.
func (a *Account) yields(used int64) bool {
	return a.evicts && used-a.held.Load() <= a.limit && used <= a.limit+max(a.limit/2, leastOverrun)
}

// leastOverrun is by how many bytes a limit may be passed at least: what is on its way
// when the end of an epoch is asked for.
const leastOverrun = 16 << 20

// Share is how many bytes the holder of an evictable account is to keep at most:
// its part of what the accounts above have for such holders.
func (a *Account) Share() int64 {
	share := int64(1) << 40
	if a == nil {
		return share
	}
	for at := a.parent; at != nil; at = at.parent {
		limit, some := at.limit, at.limit > 0
		if at.evicts && (!some || at.evict < limit) {
			limit, some = at.evict, true
		}
		if !some {
			continue
		}
		// What others hold counts too, but leaves those that evict something.
		others := at.used.Load() - at.held.Load()
		room := max(int64(evictRatio*float64(limit))-others, limit/8)
		share = min(share, room/max(at.evicters.Load(), 1))
	}
	return share
}

// epochRatio is how much of its limit an account may hold when an epoch ends, and the
// leastEpoch-th part of a limit is what an epoch may take however much is held.
const (
	epochRatio = 1.25
	leastEpoch = 16
)

// EpochRoom is how many bytes holders below this account may take until the end of an
// epoch, when those that can evict. There is no bound where none can.
func (a *Account) EpochRoom() int64 {
	room, ratio := int64(1)<<40, epochRatio
	if a == nil || a.evicters.Load() == 0 {
		return room
	}
	for at := a; at != nil; at = at.parent {
		if limit := at.keepsTo(); limit > 0 {
			room = min(room, max(int64(ratio*float64(limit))-at.used.Load(), limit/leastEpoch))
		}
		ratio = 1 // of what others have too
	}
	return room
}

// Crowded reports whether an account above this one is over its limit.
func (a *Account) Crowded() bool {
	if a == nil {
		return false
	}
	for at := a.parent; at != nil; at = at.parent {
		if limit := at.keepsTo(); limit > 0 && at.used.Load() > limit {
			return true
		}
	}
	return false
}

// keepsTo is what those below the account that can evict keep to together, or, where that
// is as little as they can, the limit that refuses; 0: there is none.
func (a *Account) keepsTo() int64 {
	if a.evicts && a.evict > 0 && (a.limit == 0 || a.evict < a.limit) {
		return a.evict
	}
	return a.limit
}

// countEvictable notes that the holder of an evictable account has n more bytes,
// which stay for long.
func (a *Account) countEvictable(n int64) {
	Resident(n)
	for at := a.parent; at != nil; at = at.parent {
		at.held.Add(n)
	}
}

// closeEvictable ends the account's part in the shares of others.
func (a *Account) closeEvictable() {
	a.evictable = false
	for at := a.parent; at != nil; at = at.parent {
		at.evicters.Add(-1)
	}
}
