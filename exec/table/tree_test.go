package table

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// version is a frozen tree with what it should hold.
type version struct {
	root *node
	want map[string]string
}

// checkTree holds a version against its model: order, look-ups, walks both ways,
// and that every leaf's keys lie between its name and the next one's.
func checkTree(t *rapid.T, v version) {
	keys := slices.Sorted(maps.Keys(v.want))
	var c cursor
	c.reset(v.root, resident{})
	if err := c.seek(nil); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if !c.valid || string(c.key()) != k || string(c.value()) != v.want[k] {
			t.Fatalf("walking: at %v %x, want %x", c.valid, c.buf, k)
		}
		if got, found, _ := lookup(v.root, resident{}, []byte(k)); !found || string(got) != v.want[k] {
			t.Fatalf("lookup %x = %q %v, want %q", k, got, found, v.want[k])
		}
		if err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	if c.valid {
		t.Fatalf("walking: %x is too much", c.key())
	}
	if err := c.seekBefore(nil); err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Backward(keys) {
		if !c.valid || string(c.key()) != k {
			t.Fatalf("walking back: at %v %x, want %x", c.valid, c.buf, k)
		}
		if err := c.prev(); err != nil {
			t.Fatal(err)
		}
	}
	if c.valid {
		t.Fatalf("walking back: %x is too much", c.key())
	}
	checkNames(t, v.root)
}

func checkNames(t *rapid.T, root *node) {
	leaves := leavesOf(nil, root)
	if len(leaves) > 0 && leaves[0].name != "" {
		t.Fatalf("the first leaf is named %x", leaves[0].name)
	}
	for i, n := range leaves {
		p := *n.page.Load()
		if !p.check() {
			t.Fatalf("leaf %x is no page", n.name)
		}
		for j := range p.len() {
			k := p.key(nil, j)
			if string(k) < n.name || i+1 < len(leaves) && string(k) >= leaves[i+1].name {
				t.Fatalf("key %x is in leaf %x", k, n.name)
			}
		}
	}
}

func leavesOf(dst []*node, n *node) []*node {
	switch {
	case n == nil:
		return dst
	case n.kids == nil:
		return append(dst, n)
	}
	for _, k := range n.kids {
		dst = leavesOf(dst, k)
	}
	return dst
}

func TestTreeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &edit{pg: resident{}}
		e.begin()
		want := map[string]string{}
		var kept []version
		key := rapid.Custom(func(t *rapid.T) []byte {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				return binary.BigEndian.AppendUint64(nil, uint64(rapid.IntRange(0, 3000).Draw(t, "id")))
			case 1:
				return bytes.Repeat([]byte{rapid.Byte().Draw(t, "b")}, rapid.IntRange(0, 600).Draw(t, "n"))
			}
			return rapid.SliceOfN(rapid.ByteRange(0, 3), 0, 6).Draw(t, "key")
		})
		value := func(t *rapid.T) []byte {
			n := rapid.SampledFrom([]int{0, 1, 30, 100, 900, 5000, 20000, 70000}).Draw(t, "size")
			return bytes.Repeat([]byte{rapid.Byte().Draw(t, "v")}, n)
		}
		put := func(t *rapid.T, k, v []byte) {
			replaced, err := e.put(k, v)
			if err != nil {
				t.Fatal(err)
			}
			if _, had := want[string(k)]; had != replaced {
				t.Fatalf("put %x: replaced is %v, want %v", k, replaced, had)
			}
			want[string(k)] = string(v)
		}
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if int(e.rows) != len(want) {
					t.Fatalf("%d rows, want %d", e.rows, len(want))
				}
			},
			"put": func(t *rapid.T) { put(t, key.Draw(t, "key"), value(t)) },
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					next++
					put(t, binary.BigEndian.AppendUint64(nil, uint64(next)<<20), []byte(fmt.Sprint(next, "................................")))
				}
			},
			"scatter": func(t *rapid.T) {
				step := rapid.Uint64Range(1, 1<<32).Draw(t, "step") | 1
				for i := range uint64(rapid.IntRange(1, 300).Draw(t, "n")) {
					put(t, binary.BigEndian.AppendUint64(nil, i*step*0x9e3779b97f4a7c15), []byte("v"))
				}
			},
			"remove": func(t *rapid.T) {
				k := key.Draw(t, "key")
				had, err := e.remove(k)
				if err != nil {
					t.Fatal(err)
				}
				if _, is := want[string(k)]; is != had {
					t.Fatalf("remove %x = %v, want %v", k, had, is)
				}
				delete(want, string(k))
			},
			"remove run": func(t *rapid.T) {
				keys := slices.Sorted(maps.Keys(want))
				if len(keys) == 0 {
					t.Skip("nothing to remove")
				}
				from := rapid.IntRange(0, len(keys)-1).Draw(t, "from")
				to := rapid.IntRange(from, len(keys)).Draw(t, "to")
				for _, k := range keys[from:to] {
					if had, err := e.remove([]byte(k)); !had || err != nil {
						t.Fatalf("remove %x = %v, %v", k, had, err)
					}
					delete(want, k)
				}
			},
			"freeze": func(t *rapid.T) {
				v := version{e.freeze(), maps.Clone(want)}
				checkTree(t, v)
				kept = append(kept, v)
			},
		})
		checkTree(t, version{e.freeze(), want})
		for _, v := range kept {
			checkTree(t, v)
		}
	})
}

// TestPagesStaySmall: a tree that many writers have changed, one entry each, has
// pages of the size that one writer makes: each copy of a page has room for more.
func TestPagesStaySmall(t *testing.T) {
	e := &edit{pg: resident{}}
	e.begin()
	value := bytes.Repeat([]byte("v"), 60)
	for i := range uint64(5000) {
		for _, key := range []uint64{i, i * 0x9e3779b97f4a7c15} { // in order, and scattered
			e.begin()
			_, err := e.put(binary.BigEndian.AppendUint64(nil, key), value)
			ok(t, err)
		}
	}
	leaves := leavesOf(nil, e.freeze())
	for _, n := range leaves {
		if p := *n.page.Load(); p.used() > pageSize || len(p) > pageSize+2*pageRoom {
			t.Fatalf("a page of %d entries has %d bytes, %d of them used; pages are split at %d", p.len(), len(p), p.used(), pageSize)
		}
	}
	if most := 10000 * 80 / (pageSize / 3); len(leaves) > most {
		t.Errorf("%d pages, want at most %d", len(leaves), most)
	}
}
