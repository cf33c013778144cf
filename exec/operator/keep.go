package operator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Kept is an operator that goes on after a restart from what its job's last
// epoch stored. One that is not Kept holds nothing between epochs, or what it
// reads again at each start.
type Kept interface {
	Operator
	// Keep says, before the first row, that Save will be called.
	Keep() error
	// Save writes what has changed since it was last called.
	Save(w StateWriter) error
	// Restore gives an operator that has seen nothing what Save wrote in all.
	//
	// With a Share it is called once for each of the tasks that the operator had,
	// and adds what of that task's state is this one's, as if it were new: the
	// numbers of groups are others, and the next Save writes all of it.
	Restore(r StateReader) error
}

// StateWriter writes the state of one operator of a job, of one of its tasks.
type StateWriter struct {
	Batch    *state.Batch
	Operator uint32
	Shard    uint16
	// Whole: groups that are on their way out of memory go whole, and not as far as the rows
	// that have come make it needful.
	Whole bool
}

// Set stores a value under a key.
func (w StateWriter) Set(key, value []byte) {
	w.Batch.Set(state.Space{Operator: w.Operator, Shard: w.Shard}, key, value)
}

// Delete removes a key.
func (w StateWriter) Delete(key []byte) {
	w.Batch.Delete(state.Space{Operator: w.Operator, Shard: w.Shard}, key)
}

// StateReader reads the state of one operator of a job, of one of its tasks.
type StateReader struct {
	Snapshot *state.Snapshot
	Job      state.ID
	Operator uint32
	Shard    uint16
	// Share: what of it is wanted; nil: all, which is the operator's own.
	Share *Share
}

// Scan calls f with the keys that begin with prefix, in order.
func (r StateReader) Scan(prefix []byte, f func(key, value []byte) error) error {
	return r.Snapshot.Scan(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, prefix, rowkey.After(slices.Clone(prefix)), f)
}

// scan calls f with the keys from from on that are before to, in order.
func (r StateReader) scan(from, to []byte, f func(key, value []byte) error) error {
	return r.Snapshot.Scan(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, from, to, f)
}

// getEach calls f with the values of those keys that are there, in the order of the
// keys. f may not keep them. A key that after says so of is not there where the one before
// it is not.
func (r StateReader) getEach(keys [][]byte, after func(i int) bool, f func(i int, value []byte) error) error {
	return r.Snapshot.GetEach(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, keys, after, f)
}

// get appends the value of a key to dst; false: there is none.
func (r StateReader) get(key, dst []byte) ([]byte, bool, error) {
	return r.Snapshot.Get(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, key, dst)
}

// keys calls f with what of the keys that begin with prefix comes after it.
func (r StateReader) keys(prefix []byte, f func(rest []byte)) error {
	return r.Snapshot.ScanKeysUnder(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, prefix, func(rest []byte) error {
		f(rest)
		return nil
	})
}

var errKept = errors.New("the stored state of an operator is damaged")

// pageParts is how much of a page one stored value holds, in bytes.
const pageParts = 256 << 10

// pages are values of any length under numbered keys: prefix, number, part.
type pages struct {
	prefix []byte
	parts  []uint16 // that each page has in the store
}

func (p *pages) key(page, part int) []byte {
	k := binary.BigEndian.AppendUint32(slices.Clone(p.prefix), uint32(page))
	return binary.BigEndian.AppendUint16(k, uint16(part))
}

// set writes a page over what was there.
func (p *pages) set(w StateWriter, page int, value []byte) error {
	for len(p.parts) <= page {
		p.parts = append(p.parts, 0)
	}
	n, err := p.setParts(w, page, value, int(p.parts[page]))
	p.parts[page] = uint16(n)
	return err
}

// setParts writes a value under a number over one that has so many parts, and returns
// how many it has.
func (p *pages) setParts(w StateWriter, page int, value []byte, was int) (n int, err error) {
	for rest := value; ; n++ {
		if n > 1<<16-2 {
			return was, fmt.Errorf("storing %d bytes of one page of state: that is too much", len(value))
		}
		part := rest[:min(len(rest), pageParts)]
		w.Set(p.key(page, n), part)
		if rest = rest[len(part):]; len(rest) == 0 {
			n++
			break
		}
	}
	for old := n; old < was; old++ {
		w.Delete(p.key(page, old))
	}
	return n, nil
}

// get appends a page, which is there, to dst.
func (p *pages) get(r StateReader, page int, dst []byte) ([]byte, error) {
	for part := range int(p.parts[page]) {
		var ok bool
		var err error
		if dst, ok, err = r.get(p.key(page, part), dst); err != nil {
			return dst, err
		}
		if !ok {
			return dst, errKept
		}
	}
	return dst, nil
}

// drop removes every page.
func (p *pages) drop(w StateWriter) {
	for page, n := range p.parts {
		for part := range int(n) {
			w.Delete(p.key(page, part))
		}
	}
	p.parts = p.parts[:0]
}

// read calls f with each page, in order. f may not keep it.
func (p *pages) read(r StateReader, f func(page int, value []byte) error) error {
	return p.readFrom(r, p.key(0, 0), p.key(mostPages, 0), f)
}

// mostPages is above the number of every page.
const mostPages = 1 << 31

// last is the number of the last page that is stored; -1: there is none.
func (p *pages) last(r StateReader) int {
	from, to := p.key(0, 0), p.key(mostPages, 0)
	key := r.Snapshot.Last(r.Job, state.Space{Operator: r.Operator, Shard: r.Shard}, from, to)
	if len(key) != len(from) {
		return -1
	}
	return int(binary.BigEndian.Uint32(key[len(p.prefix):]))
}

// readFrom is read of what lies under the keys from from on that are before to.
func (p *pages) readFrom(r StateReader, from, to []byte, f func(page int, value []byte) error) error {
	var value []byte
	at := -1
	flush := func() error {
		if at < 0 {
			return nil
		}
		page := at
		at = -1
		return f(page, value)
	}
	err := r.scan(from, to, func(key, part []byte) error {
		key = key[len(p.prefix):]
		if len(key) != 6 {
			return errKept
		}
		page := int(binary.BigEndian.Uint32(key))
		if page != at {
			if err := flush(); err != nil {
				return err
			}
			at, value = page, value[:0]
		}
		if r.Share == nil && page < mostPages { // else it will be written elsewhere, or is no page
			for len(p.parts) <= page {
				p.parts = append(p.parts, 0)
			}
			p.parts[page] = binary.BigEndian.Uint16(key[4:]) + 1
		}
		if len(part) < pageParts && len(value) == 0 {
			at = -1 // it has no other part
			return f(page, part)
		}
		value = append(value, part...)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// takeSized takes a value with its length before it off b.
func takeSized(b []byte) (value, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errKept
	}
	return b[n : n+int(size)], b[n+int(size):], nil
}
