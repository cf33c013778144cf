package operator

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// TestPackedIsWhatItWas: bytes of every length, with many zeros and with none.
func TestPackedIsWhatItWas(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 33))
	var packed, again []byte
	for n := range 5000 {
		src := make([]byte, n%300+n/4999*5000)
		zeros := rng.IntN(5)
		for i := range src {
			if rng.IntN(4) >= zeros {
				src[i] = byte(rng.IntN(256))
			}
		}
		packed = appendPacked(packed[:0], src)
		if most := len(src) + 3 + len(src)/100; zeros == 0 && len(packed) > most {
			t.Fatalf("%d bytes without zeros are %d packed", len(src), len(packed))
		}
		var err error
		if again, err = appendUnpacked(again[:0], packed); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, src) {
			t.Fatalf("%x is %x packed, and then %x", src, packed, again)
		}
		// What is damaged is refused or is something else, and does no harm.
		if len(packed) > 0 {
			cut := packed[:rng.IntN(len(packed))]
			if again, err = appendUnpacked(again[:0], cut); err == nil && bytes.Equal(again, src) {
				t.Fatalf("%x is %x", cut, src)
			}
		}
	}
}

// TestPackedGroups: what is kept of a count and a sum by a number takes half.
func TestPackedGroups(t *testing.T) {
	src := []byte{9, 2, 0x12, 0x34, 0x56, 0, 0, 0, 0, 0, 4, 0, 4, 4, 0, 0x20, 0x01, 0, 0, 0, 0, 0, 0}
	if n := len(appendPacked(nil, src)); n > 14 {
		t.Errorf("%d bytes are %d packed", len(src), n)
	}
}

// TestPagesThatAreNotPacked: pages of the form before are read, and become packed when
// they are merged.
func TestPagesThatAreNotPacked(t *testing.T) {
	ts := []types.Type{types.Of(types.Int8)}
	codec := newGroupCodec(ts)
	keys := vec.NewBatch(ts)
	for key := range int64(40) {
		vec.Append(keys.Cols[0], types.NewInt(types.Int8, key))
	}
	hashes := codec.hashes(keys.Cols, 40, nil)
	m := &merge{codec: codec, width: filterWords, gen: &generation{table: newTable(ts, nil, "GROUP BY")}}
	var records []record
	var data recordBytes
	for key := range 40 {
		row := codec.layout.Append(nil, keys.Cols, key)
		from := uint32(len(data.old))
		data.old = append(append(binary.AppendUvarint(data.old, uint64(len(row))), row...), byte(key), 0, 0)
		records = append(records, record{hash: uint32(hashes[key]), from: from, to: uint32(len(data.old))})
	}
	slices.SortFunc(records, func(a, b record) int { return int(int64(a.hash) - int64(b.hash)) })
	stored := appendPage(nil, records, &data)
	stored[0] &^= pagePacked
	old, err := parsePage(stored)
	if err != nil {
		t.Fatal(err)
	}
	var writes []pageWrite
	if err := m.split(orderGroups(m.codec, m.gen.table, m.space.next), 0, old, pageLies{parts: 1}, &writes); err != nil {
		t.Fatal(err)
	}
	_, n := binary.Uvarint(writes[0].value)
	again, err := parsePage(writes[0].value[n:])
	if err != nil || !again.packed || len(writes[0].value) >= len(stored) {
		t.Fatalf("a page of %d bytes is one of %d, packed %v: %v", len(stored), len(writes[0].value), again.packed, err)
	}
	for _, p := range []hashPage{old, again} {
		for key := range 40 {
			own := codec.layout.Append(nil, keys.Cols, key)
			_, beside, ok, err := p.find(codec, hashes[key], own, keys.Cols, key)
			if want := []byte{byte(key), 0, 0}; err != nil || !ok || !bytes.Equal(beside, want) {
				t.Fatalf("packed %v: group %d has %x beside it, %v, want %x: %v", p.packed, key, beside, ok, want, err)
			}
		}
	}
}

// TestEvictedLargeGroups: of groups that are not small few are in a page, which is of
// about so many bytes whatever they are, and its filter has eight bits for each of them.
func TestEvictedLargeGroups(t *testing.T) {
	const groups = 4000
	for _, c := range []struct {
		key, beside int
		most        int // groups of a page
	}{{4, 0, groupsPerPage}, {160, 0, pageBytes / 160}, {4, 1000, pageBytes / 1000}, {4, 64 << 10, 1}} {
		ts := []types.Type{types.Of(types.Text)}
		tab := newTable(ts, nil, "GROUP BY")
		one, ids := []int32{0}, []int32{0}
		for g := range groups {
			key := vec.NewBatch(ts)
			vec.Append(key.Cols[0], types.NewText(fmt.Sprintf("%0*d", c.key, g)))
			if err := tab.assign(key.Cols, 1, one, ids); err != nil {
				t.Fatal(err)
			}
		}
		account := memory.New("test", 0, "").Evictable("an operator")
		e := newEvicted([]byte{'x'}, ts, account, Evictions{})
		e.old = &generation{table: tab, save: func(_ int32, dst []byte) []byte { return append(dst, make([]byte, c.beside)...) }, close: tab.close}
		n, size := int64(groups), e.sampled()
		bits := bitsFor(max(n, n*size*groupsPerPage/pageBytes))
		if got := groups >> bits; got > c.most || 4*got < c.most && got > 1 {
			t.Errorf("groups of %d bytes: %d in a page, want at most %d and not a quarter of it", size, got, c.most)
		}
		f := e.makeFilter(bits, n)
		if per := 64 * f.width << bits / groups; per < 8 && f.width > 1 {
			t.Errorf("groups of %d bytes: a filter of %d bits for each", size, per)
		}
		if account.Used() != f.bytes() {
			t.Errorf("%d bytes are accounted, of a filter of %d", account.Used(), f.bytes())
		}
		e.close()
		if account.Used() != 0 {
			t.Errorf("%d bytes are accounted of what is closed", account.Used())
		}
	}
}
