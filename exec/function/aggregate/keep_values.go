package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// What is kept of aggregates that hold values.

func (a *extremes[T]) Save(g int32, dst []byte) []byte {
	return appendInt(appendFlag(dst, a.seen[g]), int64(a.best[g]))
}

func (a *extremes[T]) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	a.seen[g], a.best[g] = k.bool(), T(k.int())
	return k.b, k.err
}

func (a *extremeValues) Save(g int32, dst []byte) []byte {
	if !a.seen[g] {
		return appendFlag(dst, false)
	}
	return appendValue(appendFlag(dst, true), a.best[g])
}

func (a *extremeValues) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if a.seen[g] = k.bool(); a.seen[g] {
		a.best[g] = k.value(a.typ)
		a.strings += int64(len(a.best[g].S))
	}
	return k.b, k.err
}

func (a *multiset) Save(g int32, dst []byte) []byte {
	dst = appendInt(dst, int64(len(a.groups[g])))
	for _, c := range a.groups[g] {
		dst = appendInt(appendValue(dst, c.value), c.n)
	}
	return dst
}

func (a *multiset) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	for range k.size() {
		c := counted{k.value(a.typ), k.int()}
		a.groups[g] = append(a.groups[g], c)
		a.held += int64(len(c.value.S)) + 128
	}
	return k.b, k.err
}

// saveText writes a text that may not be there.
func saveText(dst []byte, text *[]byte) []byte {
	if text == nil {
		return appendFlag(dst, false)
	}
	return appendBytes(appendFlag(dst, true), *text)
}

func (k *kept) text() *[]byte {
	if !k.bool() {
		return nil
	}
	text := append([]byte(nil), k.bytes()...)
	return &text
}

func (a *joined) Save(g int32, dst []byte) []byte { return saveText(dst, a.text[g]) }

func (a *joined) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if a.text[g] = k.text(); a.text[g] != nil {
		a.held += int64(cap(*a.text[g]))
	}
	return k.b, k.err
}

func (a *documents) Save(g int32, dst []byte) []byte {
	dst = saveText(dst, a.text[g])
	if !a.unique {
		return dst
	}
	dst = appendInt(dst, int64(len(a.keys[g])))
	for key := range a.keys[g] {
		dst = appendBytes(dst, []byte(key))
	}
	return dst
}

func (a *documents) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if a.text[g] = k.text(); a.text[g] != nil {
		a.held += int64(cap(*a.text[g]))
	}
	if !a.unique {
		return k.b, k.err
	}
	for range k.size() {
		if a.keys[g] == nil {
			a.keys[g] = map[string]struct{}{}
		}
		key := string(k.bytes())
		a.keys[g][key] = struct{}{}
		a.held += int64(len(key)) + mapEntry
	}
	return k.b, k.err
}

func (a *collected) Save(g int32, dst []byte) []byte {
	dst = appendInt(dst, int64(len(a.rows[g])))
	for _, v := range a.rows[g] {
		dst = appendValue(dst, v)
	}
	return dst
}

func (a *collected) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	for range k.size() {
		v := k.value(a.typ)
		a.rows[g] = append(a.rows[g], v)
		a.held += 128 + int64(len(v.S))
	}
	return k.b, k.err
}

func (a *stacked) Save(g int32, dst []byte) []byte {
	if a.arrays[g] == nil {
		return appendFlag(dst, false)
	}
	return appendValue(appendFlag(dst, true), types.Value{Type: a.typ, A: a.arrays[g]})
}

func (a *stacked) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if k.bool() {
		if a.arrays[g] = k.value(a.typ).A; a.arrays[g] == nil {
			return nil, errKept
		}
		for _, e := range a.arrays[g].Elems {
			a.held += 128 + int64(len(e.S))
		}
	}
	return k.b, k.err
}

func (a *firsts) Save(g int32, dst []byte) []byte {
	if a.values[g] == nil {
		return appendFlag(dst, false)
	}
	return appendValue(appendFlag(dst, true), *a.values[g])
}

func (a *firsts) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if k.bool() {
		v := k.value(a.typ)
		a.values[g] = &v
		a.held += 128 + int64(len(v.S))
	}
	return k.b, k.err
}

// Save writes the direct arguments and the rows in their order.
func (a *sortedGroups) Save(g int32, dst []byte) []byte {
	dst = appendFlag(dst, a.direct[g] != nil)
	for _, v := range a.direct[g] {
		dst = appendValue(dst, v)
	}
	dst = appendInt(appendFlag(dst, a.mixed[g]), int64(len(a.rows[g])))
	for _, row := range a.rows[g] {
		for i, c := range a.keys {
			dst = appendValue(dst, vec.Get(c, int(row), a.call.Args[a.call.Direct+i].Type()))
		}
	}
	return dst
}

func (a *sortedGroups) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if k.bool() {
		a.direct[g] = make([]types.Value, a.call.Direct)
		for i := range a.direct[g] {
			a.direct[g][i] = k.value(a.call.Args[i].Type())
		}
		a.held += int64(a.call.Direct) * 128
	}
	a.mixed[g] = k.bool()
	for range k.size() {
		a.rows[g] = append(a.rows[g], int32(a.keys[0].Len()))
		for i, c := range a.keys {
			vec.Append(c, k.value(a.call.Args[a.call.Direct+i].Type()))
		}
	}
	a.held += int64(cap(a.rows[g])) * 4
	return k.b, k.err
}

// Save writes the union so far.
func (a *rangeUnion) Save(g int32, dst []byte) []byte {
	if !a.seen[g] {
		return appendFlag(dst, false)
	}
	all := append([]types.Range(nil), a.ranges[g]...)
	return appendValue(appendFlag(dst, true), types.NewMultirange(a.out, all))
}

func (a *rangeUnion) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if a.seen[g] = k.bool(); a.seen[g] {
		v := k.value(types.Of(a.out))
		if k.err != nil {
			return nil, k.err
		}
		a.ranges[g] = types.RangesOf(v)
		a.held += 320*int64(cap(a.ranges[g])) + int64(len(v.S))
	}
	return k.b, k.err
}

func (a *rangeIntersection) Save(g int32, dst []byte) []byte {
	if a.values[g] == nil {
		return appendFlag(dst, false)
	}
	return appendValue(appendFlag(dst, true), *a.values[g])
}

func (a *rangeIntersection) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if k.bool() {
		v := k.value(a.typ)
		a.values[g] = &v
		a.held += int64(len(v.S))
	}
	return k.b, k.err
}

func (a *bitStrings) Save(g int32, dst []byte) []byte {
	if a.bits[g] == nil {
		return appendFlag(dst, false)
	}
	return appendBytes(appendFlag(dst, true), a.bits[g])
}

func (a *bitStrings) Load(g int32, src []byte) ([]byte, error) {
	k := kept{b: src}
	if k.bool() {
		bits := k.bytes()
		a.bits[g] = append(make([]byte, 0, len(bits)+1), bits...)
		a.held += int64(len(bits))
	}
	return k.b, k.err
}
