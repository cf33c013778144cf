package operator

import (
	"encoding/binary"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// A window's state lies under its end: its bounds, and its aggregate's groups.

// Keep has the operator remember which windows change.
func (w *WindowAggregate) Keep() error {
	w.kept = true
	// What a window needs is known from its calls.
	calls, err := w.spec.Calls()
	if err != nil {
		return err
	}
	return NewAggregate(AggregateSpec{Calls: calls, Account: w.spec.Account}).keepUnder(nil)
}

// endKey is a window's end, in an order that bytes keep.
func endKey(end int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(end)^1<<63) }

// Save writes the windows that changed, and removes those that are closed.
func (w *WindowAggregate) Save(sw StateWriter) error {
	for _, p := range w.dropped {
		sw.Delete(append(endKey(p.end), tagBounds))
		if err := p.agg.forget(sw); err != nil {
			return err
		}
	}
	w.dropped = w.dropped[:0]
	tables, values := w.tables(), w.valueTables()
	if w.evicted != nil {
		w.evicted.begin(tables)
	}
	if w.values != nil {
		w.values.begin(values)
	}
	for _, end := range w.ends() {
		p := w.panes[end]
		if !p.changed && !p.agg.moving() {
			continue
		}
		p.changed = false
		if now := p.encode(); !p.stored || now[0] != p.flags {
			sw.Set(append(endKey(end), tagBounds), now)
			p.stored, p.flags = true, now[0]
		}
		if err := p.agg.Save(sw); err != nil {
			return err
		}
	}
	if w.evicted != nil {
		if err := w.evicted.end(sw, tables); err != nil {
			return err
		}
	}
	if w.values == nil {
		return nil
	}
	return w.values.end(sw, values)
}

// Evict lets the operator keep only a part of its groups in memory, where its calls
// keep no rows, or of the values that DISTINCT has seen in them.
func (w *WindowAggregate) Evict(e Evictions) {
	calls, err := w.spec.Calls()
	if err != nil {
		return // it is that of the first window, too
	}
	if !evictableCalls(calls) {
		w.values = newValueTables(calls, e)
		return
	}
	w.evicted = &evictedTables{account: w.spec.Account, from: e}
}

// tables are those of the open windows.
func (w *WindowAggregate) tables() []evictable {
	var all []evictable
	for _, end := range w.ends() {
		all = append(all, w.panes[end].agg)
	}
	return all
}

// valueTables are those of the values of DISTINCT.
func (w *WindowAggregate) valueTables() []evictable {
	var all []evictable
	for _, end := range w.ends() {
		all = append(all, w.panes[end].agg.valueTables()...)
	}
	return all
}

// Evicts reports whether it does.
func (w *WindowAggregate) Evicts() bool { return w.evicted != nil || w.values != nil }

// Committed lets go of what the store has now.
func (w *WindowAggregate) Committed() {
	w.evicted.committed(w.tables())
	w.values.committed(w.valueTables())
}

// Evicted is how many groups, and values of DISTINCT, are in the store's pages.
func (w *WindowAggregate) Evicted() int64 {
	return w.evicted.stored(w.tables()) + w.values.stored(w.valueTables())
}

// Flags of a stored pane.
const (
	paneNull  = 1 << iota // its end is NULL
	paneFired             // its groups have gone out
)

// encode is what a pane's bounds are made of again: flags, and the start, where it
// is not a key.
func (p *pane) encode() []byte {
	out := []byte{0}
	if p.bounds[1].Nulls().Get(0) {
		out[0] |= paneNull
	}
	if p.fired {
		out[0] |= paneFired
	}
	if p.bounds[0] != nil && !p.bounds[0].Nulls().Get(0) {
		out = binary.AppendVarint(out, p.bounds[0].(*vec.Fixed[int64]).Values[0])
	}
	return out
}

// Restore brings the open windows back.
func (w *WindowAggregate) Restore(r StateReader) error {
	var ends [][]byte
	err := r.Scan(nil, func(key, value []byte) error {
		if len(key) == 9 && key[8] == tagBounds {
			ends = append(ends, append(slices.Clone(key[:8]), value...))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range ends {
		end, value := int64(binary.BigEndian.Uint64(e)^1<<63), e[8:]
		if len(value) == 0 {
			return errKept
		}
		if err := w.restorePane(r, end, value); err != nil {
			return err
		}
	}
	return nil
}

// restorePane brings a window back, of which value are the bounds.
func (w *WindowAggregate) restorePane(r StateReader, end int64, value []byte) error {
	p := w.panes[end]
	if p == nil {
		t := w.spec.KeyTypes[w.spec.Closing.End]
		p = &pane{end: end, stored: r.Share == nil}
		p.bounds[1] = vec.New(t)
		p.flags, p.fired = value[0], value[0]&paneFired != 0
		if value[0]&paneNull != 0 {
			vec.AppendNull(p.bounds[1])
		} else {
			vec.Append(p.bounds[1], types.NewInt(t.OID, end))
		}
		if len(w.bounds) > 1 && !w.spec.Starts {
			p.bounds[0] = vec.New(t)
			if start, n := binary.Varint(value[1:]); n > 0 {
				vec.Append(p.bounds[0], types.NewInt(t.OID, start))
			} else {
				vec.AppendNull(p.bounds[0])
			}
		}
		if err := w.open(p); err != nil {
			return err
		}
	}
	p.changed = r.Share != nil
	return p.agg.Restore(r)
}
