package table

import "github.com/ferrisstreams/ferrisstreams/state"

// root is one version of one storage: a table's rows, or an index.
type root struct {
	n    *node // nil: empty
	rows int64
	at   uint64 // the version of the last commit that changed it
}

const chunkRoots = 64

// roots are all storages at one version. They never change; one is made of
// another by copying the chunks that differ. Tables.mu guards refs and what
// follows it.
type roots struct {
	version uint64 // of the store, at which pages are read
	chunks  []*[chunkRoots]root

	refs int // who reads it, the one more being that it is the newest
	held *state.Snapshot
}

func (r *roots) get(storage uint32) root {
	if c := int(storage / chunkRoots); c < len(r.chunks) && r.chunks[c] != nil {
		return r.chunks[c][storage%chunkRoots]
	}
	return root{}
}

// with returns r with some storages changed, at a version.
func (r *roots) with(changed map[uint32]root, version uint64, held *state.Snapshot) *roots {
	q := &roots{version: version, held: held, refs: 1, chunks: append([]*[chunkRoots]root(nil), r.chunks...)}
	own := map[int]bool{}
	for storage, x := range changed {
		c := int(storage / chunkRoots)
		for c >= len(q.chunks) {
			q.chunks = append(q.chunks, nil)
		}
		if !own[c] {
			fresh := &[chunkRoots]root{}
			if q.chunks[c] != nil {
				*fresh = *q.chunks[c]
			}
			q.chunks[c], own[c] = fresh, true
		}
		q.chunks[c][storage%chunkRoots] = x
	}
	return q
}

// newest returns the roots of the last commit, which stay readable until release.
func (t *Tables) newest() *roots {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.current
	r.refs++
	return r
}

func (t *Tables) retain(r *roots) *roots {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.refs++
	return r
}

func (t *Tables) release(r *roots) {
	t.mu.Lock()
	r.refs--
	last := r.refs == 0
	t.mu.Unlock()
	if last {
		r.held.Close()
	}
}

// publish makes roots the newest.
func (t *Tables) publish(r *roots) {
	t.mu.Lock()
	old := t.current
	t.current = r
	t.stamp.Add(1)
	if t.wake != nil {
		close(t.wake)
		t.wake = nil
	}
	t.mu.Unlock()
	t.release(old)
}
