package operator

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// Evict lets the operator keep only a part of its partitions in memory, where each has
// one row: that is what it has beside its key.
func (f *First) Evict(e Evictions) {
	if f.spec.Evicts() {
		f.evicted = newEvicted(nil, f.parts.types, f.spec.Account, e)
		f.codec, f.read = newRowCodec(f.store.types), vec.NewBatch(f.store.types)
	}
}

// Evicts reports whether it does.
func (f *First) Evicts() bool { return f.evicted != nil }

// Committed lets go of what the store has now.
func (f *First) Committed() { f.evicted.committed() }

// Evicted is how many partitions are in the store's pages.
func (f *First) Evicted() int64 { return f.evicted.stored() }

// size is what the own partitions hold.
func (f *First) size() int64 { return f.parts.held + f.store.held + f.held }

// load gives a partition that is new the row that other parts have of it.
func (f *First) load(g int32, beside []byte) error {
	if len(beside) == 0 {
		return nil
	}
	row, err := f.stored(beside)
	if err != nil {
		return err
	}
	name, err := f.store.lend(row.Cols, g, 0)
	if err == nil {
		f.lists[g].rows.insert(name, f.compare)
		f.lent = append(f.lent, g)
	}
	return err
}

// stored reads a row, which is there until the next call.
func (f *First) stored(beside []byte) (*vec.Batch, error) {
	f.read.Reset()
	err := f.codec.reader.Read(beside, f.read.Cols)
	f.read.Rows = 1
	return f.read, err
}

// settleLent sees that rows that were read back and are still the first stay.
func (f *First) settleLent() error {
	for _, g := range f.lent {
		rows := &f.lists[g].rows
		r := rows.at(0)
		if !f.store.isLent(r) {
			continue
		}
		own, err := f.store.own(r)
		if err != nil {
			return err
		}
		rows.blocks[0][0], f.released = own, append(f.released, r)
	}
	f.lent = f.lent[:0]
	return nil
}

// saveEvicted writes what has changed of the partitions that are not in the own table,
// and gives up the table where it has grown to what it may hold.
func (f *First) saveEvicted(w StateWriter) error {
	full, err := f.evicted.save(w, f.size(), len(f.lists))
	if err != nil {
		return err
	}
	if full {
		f.freeze()
	}
	f.evicted.put(w)
	return nil
}

// freeze has the partitions become the generation before, and begins a table anew.
func (f *First) freeze() {
	parts, lists, store, kept, held := f.parts, f.lists, f.store, f.kept.parts, f.held
	layout, account := f.codec.layout, f.spec.Account
	f.evicted.replace(&generation{
		table: parts,
		save: func(g int32, dst []byte) []byte {
			if lists[g].rows.n == 0 {
				return dst
			}
			r := lists[g].rows.at(0)
			return layout.Append(dst, store.batches[r>>32].Cols, int(int32(r)))
		},
		dead: func(g int32) bool { return lists[g].rows.n == 0 },
		forget: func(w StateWriter) {
			kept.drop(w)
			store.pages.drop(w)
		},
		close: func() {
			parts.close()
			store.close()
			account.Release(held)
		},
		size: store.held / max(int64(len(lists)), 1),
	})
	f.parts, f.lists, f.held = newTable(parts.types, account, parts.what), nil, 0
	f.store = newRowStore(store.types, account)
	f.keepGeneration(generationPrefix(nil, f.evicted.own))
}

// restoreEvicted brings the partitions back that were not in pages, or, of a share, all.
func (f *First) restoreEvicted(r StateReader, lie parts) error {
	err := restoreGenerations(r, nil, f.evicted, lie, f.parts.types, &f.kept.parts, f.restoreTable, f.freeze, func(key []vec.Vec, beside []byte) error {
		one, ids := []int32{0}, []int32{0}
		if err := f.parts.assign(key, 1, one, ids); err != nil || int(ids[0]) != len(f.lists) {
			return err
		}
		f.lists = append(f.lists, firstPart{})
		row, err := f.stored(beside)
		if err != nil {
			return err
		}
		refs, err := f.store.add(row.Cols, one, ids, []int64{0}, nil)
		if err == nil {
			f.lists[ids[0]].rows.insert(refs[0], f.compare)
		}
		return err
	})
	if r.Share != nil {
		f.kept.parts.touchAll(len(f.lists))
	}
	return err
}
