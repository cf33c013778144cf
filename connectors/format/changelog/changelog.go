// Package changelog makes of the rows that an epoch inserts and deletes what they come to
// by key: a record for each key that has changed. It knows neither formats nor systems:
// rows are the bytes that an encoder makes of them.
package changelog

import (
	"bytes"
	"hash/maphash"
)

// Envelope appends the record of a change, made of the rows before and after it; nil:
// there is none.
type Envelope func(dst, before, after []byte) []byte

// Record is what a key has changed to. Value is nil where it has no row any more and there
// is no Envelope.
type Record[T any] struct {
	Key, Value []byte
	Beside     T
}

// Epoch are the changes of an epoch, by the keys of the rows. A job's tasks send them in
// any order, the deletion of a row after the insertion of what replaces it too, so a
// row that is as often deleted as inserted is left out, and what remains of a key is
// one record: its row from then on, or that it has none. T is what goes with a row and is
// not compared.
type Epoch[T any] struct {
	// Envelope: nil: a record is the row itself, or has no value.
	Envelope Envelope
	// Fits reports whether a record may be written; nil: all may. One of two rows that does
	// not fit becomes two.
	Fits func(Record[T]) bool

	byKey map[string]*change[T]
	order []*change[T]
	size  int
	// written has the row that a key was given in this epoch, where the changes were
	// too many to be held to its end: a deletion of another one comes late.
	written map[string]uint64
	seed    maphash.Seed
}

// MostHeld is how many bytes of changes are held for the end of an epoch; past it Flush
// is called before.
const MostHeld = 64 << 20

type change[T any] struct {
	key    []byte // nil: the record has none
	by     string
	images []image[T]
}

// image is a row, and how much oftener it was inserted than deleted.
type image[T any] struct {
	row    []byte
	net    int
	beside T
}

// New returns an epoch without changes.
func New[T any](e Envelope) *Epoch[T] {
	return &Epoch[T]{Envelope: e, byKey: map[string]*change[T]{}, written: map[string]uint64{}, seed: maphash.MakeSeed()}
}

// Add takes a row, whose bytes it keeps: net is 1 where it is inserted, -1 where it is
// deleted. Rows without a key are known by themselves.
func (c *Epoch[T]) Add(key, row []byte, net int, beside T) {
	by := key
	if by == nil {
		by = row
	}
	ch := c.byKey[string(by)]
	if ch == nil {
		ch = &change[T]{key: key, by: string(by)}
		c.byKey[ch.by] = ch
		c.order = append(c.order, ch)
		c.size += 2*len(by) + 128
	}
	for i := range ch.images {
		if im := &ch.images[i]; bytes.Equal(im.row, row) {
			if im.net += net; net > 0 {
				im.beside = beside
			}
			return
		}
	}
	ch.images = append(ch.images, image[T]{row: row, net: net, beside: beside})
	c.size += len(row) + 64
}

// Held is how many bytes the changes take.
func (c *Epoch[T]) Held() int { return c.size }

// Reset forgets the epoch's changes.
func (c *Epoch[T]) Reset() {
	clear(c.byKey)
	clear(c.written)
	c.order, c.size = c.order[:0], 0
}

// Flush hands over a record for each key that has changed, in the order in which the
// keys were met. last: the epoch ends with them.
func (c *Epoch[T]) Flush(last bool, put func(Record[T])) {
	for _, ch := range c.order {
		var before, after *image[T]
		for i := range ch.images {
			switch im := &ch.images[i]; {
			case im.net > 0:
				after = im
			case im.net < 0 && before == nil:
				before = im
			}
		}
		if after == nil && (before == nil || c.late(ch)) {
			continue
		}
		c.record(ch.key, before, after, put)
		if !last {
			c.written[ch.by] = 0
			if after != nil {
				c.written[ch.by] = maphash.Bytes(c.seed, after.row) | 1
			}
		}
	}
	clear(c.byKey)
	c.order, c.size = c.order[:0], 0
	if last {
		clear(c.written)
	}
}

// late reports whether a key whose rows are only deleted was given another row in this
// epoch, which stays.
func (c *Epoch[T]) late(ch *change[T]) bool {
	has, ok := c.written[ch.by]
	if !ok {
		return false
	}
	for _, im := range ch.images {
		if im.net < 0 && maphash.Bytes(c.seed, im.row)|1 == has {
			return false
		}
	}
	return true
}

func (c *Epoch[T]) record(key []byte, before, after *image[T], put func(Record[T])) {
	of := after
	if of == nil {
		of = before
	}
	r := Record[T]{Key: key, Beside: of.beside}
	switch {
	case c.Envelope == nil && after != nil:
		r.Value = after.row
	case c.Envelope != nil:
		r.Value = c.Envelope(nil, rowOf(before), rowOf(after))
		if before != nil && after != nil && c.Fits != nil && !c.Fits(r) {
			// Both are too large for a record, and each alone is not.
			c.record(key, before, nil, put)
			c.record(key, nil, after, put)
			return
		}
	}
	put(r)
}

func rowOf[T any](im *image[T]) []byte {
	if im == nil {
		return nil
	}
	return im.row
}
