package operator

import (
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/exec/rowkey"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A session is stored as a head (its partition, its span, the numbers of its
// parts) and its parts' rows, each under its own number: two sessions that become
// one have only a head written anew.
const (
	tagSession = 's'
	tagRows    = 'r'
)

// keptSessions is what a SessionWindow remembers for Save.
type keptSessions struct {
	next      uint64 // the next number of a session or part
	changed   map[*session]bool
	removed   [][]byte // heads
	gone      []*sessionRows
	rows      *rowkey.Layout
	reader    *rowkey.Reader
	partition *rowkey.Layout
	partRead  *rowkey.Reader
	buf       []byte
	row       []byte
}

// Keep has the operator remember which sessions change.
func (w *SessionWindow) Keep() error {
	layout := func(k *keptTable) (*rowkey.Layout, *rowkey.Reader) { return k.layout, k.reader }
	k := &keptSessions{changed: map[*session]bool{}}
	k.rows, k.reader = layout(newKeptTable(nil, w.spec.Rows))
	k.partition, k.partRead = layout(newKeptTable(nil, w.spec.PartitionTypes))
	w.kept = k
	return nil
}

func (k *keptSessions) number() uint64 {
	k.next++
	return k.next
}

func numberKey(tag byte, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{tag}, n) }

// Save writes the sessions that changed, and removes those that are gone.
func (w *SessionWindow) Save(sw StateWriter) error {
	k := w.kept
	for _, key := range k.removed {
		sw.Delete(key)
	}
	for _, p := range k.gone {
		p.pages.drop(sw)
	}
	k.removed, k.gone = k.removed[:0], k.gone[:0]
	for s := range k.changed {
		delete(k.changed, s)
		if s.gone {
			continue
		}
		for _, p := range s.parts {
			if !p.changed {
				continue
			}
			p.changed = false
			k.buf = k.buf[:0]
			for r := range p.rows.Rows {
				k.row = k.rows.Append(k.row[:0], p.rows.Cols, r)
				k.buf = append(binary.AppendUvarint(k.buf, uint64(len(k.row))), k.row...)
			}
			if p.pages.prefix == nil {
				p.pages.prefix = numberKey(tagRows, p.number)
			}
			if err := p.pages.set(sw, 0, k.buf); err != nil {
				return err
			}
		}
		sw.Set(numberKey(tagSession, s.number), w.head(s))
		s.stored = true
	}
	return nil
}

// head is a session without its rows.
func (w *SessionWindow) head(s *session) []byte {
	k := w.kept
	k.row = k.partition.Append(k.row[:0], s.partition, 0)
	out := append(binary.AppendUvarint(nil, uint64(len(k.row))), k.row...)
	out = binary.AppendVarint(binary.AppendVarint(out, s.start), s.last)
	out = binary.AppendUvarint(out, uint64(len(s.parts)))
	for _, p := range s.parts {
		out = binary.AppendUvarint(out, p.number)
		if !p.out {
			out = append(out, 0)
			continue
		}
		out = binary.AppendVarint(binary.AppendVarint(append(out, 1), p.start), p.end)
	}
	return out
}

// forgetSession notes that a session is gone; its parts too where they have not
// become another's.
func (w *SessionWindow) forgetSession(s *session) {
	if w.kept == nil {
		return
	}
	if s.stored {
		w.kept.removed = append(w.kept.removed, numberKey(tagSession, s.number))
	}
	for _, p := range s.parts {
		if p.pages.prefix != nil {
			w.kept.gone = append(w.kept.gone, p)
		}
	}
	delete(w.kept.changed, s)
}

// Restore brings the open sessions back.
func (w *SessionWindow) Restore(r StateReader) error {
	k := w.kept
	var restored []*session
	err := r.Scan([]byte{tagSession}, func(key, value []byte) error {
		if len(key) != 9 {
			return errKept
		}
		s, group, err := w.readHead(r, value)
		if err != nil || s == nil {
			return err
		}
		if r.Share == nil {
			s.number, s.stored = binary.BigEndian.Uint64(key[1:]), true
			k.next = max(k.next, s.number)
		}
		restored = append(restored, s)
		for len(w.open) <= int(group) {
			w.open = append(w.open, nil)
		}
		w.open[group] = append(w.open[group], s)
		return nil
	})
	if err != nil {
		return err
	}
	for _, all := range w.open {
		slices.SortFunc(all, func(a, b *session) int {
			if a.start < b.start {
				return -1
			}
			return 1
		})
	}
	for _, s := range restored {
		for _, p := range s.parts {
			if err := w.readRows(r, p); err != nil {
				return err
			}
			k.next = max(k.next, p.number)
		}
	}
	if r.Share == nil {
		return nil
	}
	for _, s := range restored {
		s.number = k.number()
		k.changed[s] = true
		for _, p := range s.parts {
			p.number, p.changed, p.pages = k.number(), true, pages{}
		}
	}
	return nil
}

// readHead returns the session of a head; nil: it is not of the share.
func (w *SessionWindow) readHead(r StateReader, b []byte) (s *session, group int32, err error) {
	bad := false
	count := func() uint64 {
		v, n := binary.Uvarint(b)
		bad = bad || n <= 0
		b = b[max(n, 0):]
		return v
	}
	number := func() int64 {
		v, n := binary.Varint(b)
		bad = bad || n <= 0
		b = b[max(n, 0):]
		return v
	}
	size := count()
	if bad || size > uint64(len(b)) {
		return nil, 0, errKept
	}
	s = &session{partition: vec.NewBatch(w.spec.PartitionTypes).Cols}
	if err := w.kept.partRead.Read(b[:size], s.partition); err != nil {
		return nil, 0, err
	}
	if !r.Share.has(s.partition, w.spec.PartitionTypes, nil) {
		return nil, 0, nil
	}
	b = b[size:]
	s.start, s.last = number(), number()
	for n := count(); n > 0 && !bad; n-- {
		p := &sessionRows{number: count()}
		p.pages.prefix = numberKey(tagRows, p.number)
		if p.out = count() != 0; p.out {
			p.start, p.end = number(), number()
			p.bounds = boundsOf(w.spec.TimeType, p.start, p.end)
		}
		s.parts = append(s.parts, p)
	}
	if bad {
		return nil, 0, errKept
	}
	if w.table == nil {
		return s, 0, nil
	}
	ids := []int32{0}
	err = w.table.assign(s.partition, 1, []int32{0}, ids)
	return s, ids[0], err
}

func (w *SessionWindow) readRows(r StateReader, p *sessionRows) error {
	p.rows = vec.NewBatch(w.spec.Rows)
	err := p.pages.read(r, func(_ int, value []byte) error {
		for len(value) > 0 {
			size, n := binary.Uvarint(value)
			if n <= 0 || size > uint64(len(value)-n) {
				return errKept
			}
			value = value[n:]
			if err := w.kept.reader.Read(value[:size], p.rows.Cols); err != nil {
				return err
			}
			p.rows.Rows++
			value = value[size:]
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.bytes = batchBytes(p.rows)
	w.held += p.bytes
	return w.spec.Account.Reserve(p.bytes)
}
