package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sweepPages is how many pages, or how many groups of the generation before, are
// looked through at a barrier.
const (
	sweepPages  = 128
	sweepGroups = sweepPages * groupsPerPage
)

// newKeys adds the keys of a share that are in pages and not in the table, and calls load
// with what each has beside it.
func newKeys(r StateReader, s pageSpace, keys []types.Type, t *table, load func(g int32, beside []byte) error) error {
	codec := newGroupCodec(keys)
	one, ids := []int32{0}, []int32{0}
	return eachRecord(r, nil, s, codec, func(key []vec.Vec, beside []byte) error {
		if !r.Share.has(key, codec.types, nil) {
			return nil
		}
		if some, err := t.addKey(&vec.Batch{Cols: key, Rows: 1}, 0, one, ids); err != nil || !some {
			return err
		}
		return load(ids[0], beside)
	})
}

// eachRecord calls f with every group in pages: its key, one row, and what it has
// beside it. f may keep neither. Of a share that is cut into slices it leaves pages out
// that have none of its slice.
func eachRecord(r StateReader, prefix []byte, s pageSpace, c *groupCodec, f func(key []vec.Vec, beside []byte) error) error {
	if s.groups == 0 {
		return nil
	}
	key := vec.NewBatch(c.types)
	for from, to := r.Share.pages(s.bits); from < to; from += mergeChunk {
		err := eachPage(pageReader{r: r, prefix: prefix, codec: c}, s, from, min(mergeChunk, to-from), func(p hashPage) error {
			for i := range p.n {
				own, beside, err := p.group(c, i)
				if err != nil {
					return err
				}
				key.Reset()
				if err := c.reader.Read(own, key.Cols); err != nil {
					return err
				}
				if err := f(key.Cols, beside); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweeping is how far the groups that are not in the own table have been looked
// through for those that are old.
type sweeping struct {
	group int // of the generation before
	page  int
}

// sweep looks a part of the groups through, from where it ended the last time, and
// gives take the keys of those that are old, some at a time: one may be there that
// is not old any more, as another part has it.
func (e *evicted) sweep(old func(beside []byte) bool, take func(keys *vec.Batch) error) error {
	keys := vec.NewBatch(e.codec.types)
	flush := func() error {
		if keys.Rows == 0 {
			return nil
		}
		err := take(keys)
		keys.Reset()
		return err
	}
	if e.old != nil {
		n := e.old.table.Len()
		if e.swept.group >= n {
			e.swept.group = 0
		}
		var beside []byte
		for end := min(e.swept.group+sweepGroups, n); e.swept.group < end; e.swept.group++ {
			g := int32(e.swept.group)
			if beside = e.old.save(g, beside[:0]); !old(beside) {
				continue
			}
			for i, c := range keys.Cols {
				vec.AppendRow(c, e.old.table.keys[i], int(g))
			}
			if keys.Rows++; keys.Rows < vec.MaxRows {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
		if err := flush(); err != nil {
			return err
		}
	}
	if e.known.groups == 0 {
		return nil
	}
	if e.swept.page >= 1<<e.known.bits {
		e.swept.page = 0
	}
	from := e.swept.page
	e.swept.page += sweepPages
	err := eachPage(e.pages(nil), e.known, from, sweepPages, func(p hashPage) error {
		for i := range p.n {
			key, beside, err := p.group(e.codec, i)
			if err != nil {
				return err
			}
			if !old(beside) {
				continue
			}
			if err := e.codec.reader.Read(key, keys.Cols); err != nil {
				return err
			}
			if keys.Rows++; keys.Rows < vec.MaxRows {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func firstOf(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// restoreGenerations brings an operator's table and the generation before it back,
// the pages staying where they are; of a share it brings all groups back into the
// table, the newest part first: what is there stays. ts are the types of the keys in
// pages. kept is the operator's own, table restores into its table what a keptTable has
// stored, freeze has that become the generation before, and add takes a group of a page.
func restoreGenerations(r StateReader, prefix []byte, e *evicted, lie parts, ts []types.Type, kept **keptTable,
	table func(StateReader, *keptTable) error, freeze func(), add func(key []vec.Vec, beside []byte) error) error {
	if r.Share != nil {
		own := *kept
		for _, number := range []int64{int64(lie.own), lie.old} {
			if number < 0 {
				continue
			}
			t := newKeptTable(generationPrefix(prefix, uint32(number)), own.types)
			t.by = own.by
			if err := table(r, t); err != nil {
				return err
			}
		}
		codec := newGroupCodec(ts)
		return eachRecord(r, prefix, lie.space, codec, func(key []vec.Vec, beside []byte) error {
			if !r.Share.has(key, ts, own.by) {
				return nil
			}
			return add(key, beside)
		})
	}
	e.now = lie.space
	stored := (*kept).types
	if lie.old >= 0 {
		*kept = newKeptTable(generationPrefix(prefix, uint32(lie.old)), stored)
		if err := table(r, *kept); err != nil {
			return err
		}
		e.own = uint32(lie.old)
		freeze()
	}
	e.own = lie.own
	*kept = newKeptTable(generationPrefix(prefix, lie.own), stored)
	return table(r, *kept)
}
