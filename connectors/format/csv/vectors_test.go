package csv

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// byWords runs f as on a processor that has no vectors.
func byWords(f func()) {
	defer func(had bool) { vectors = had }(vectors)
	vectors = false
	f()
}

// TestMarks finds those of random bytes by vectors and by words, as one byte after
// the other has them.
func TestMarks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for turn := range 4000 {
		// Few ends and many, and now and then a byte that ends the search.
		b := bytes.Repeat([]byte{'x'}, rnd.IntN(400))
		odd := []string{",,,,\n", ",\n,\xe9", ",,,,,,,,,,,,,,,,,,,,,,,,\n\x00", ",,,,,,,,,,,,,,,,,,,,,\n\n\n\n\n\n\"", ",\n+-.\x0b\x09\x8a\xac"}[turn%5]
		for range rnd.IntN(len(b) + 1) {
			b[rnd.IntN(len(b))] = odd[rnd.IntN(len(odd))]
		}
		most := 1 + rnd.IntN(100)
		ends := []int32{-1}
		lines := 0
		for i, c := range b {
			if c == '"' || c == 0 || len(ends) > most && i%block == 0 {
				break
			}
			if c == ',' || c == '\n' {
				ends = append(ends, int32(i))
			}
			if c == '\n' {
				lines++
			}
		}
		check := func(how string) {
			m := newMarks(',', '"', 7)
			m.find(b, most)
			if got := m.at[:m.n+1]; !slices.Equal(got, ends) || m.lines != lines {
				t.Fatalf("by %s, up to %d of %q: %v, %d lines, want %v, %d", how, most, b, got, m.lines, ends, lines)
			}
			if last := ends[len(ends)-1]; !m.wide && !ascii(b[:last+1]) {
				t.Fatalf("by %s: %q is held for ASCII", how, b[:last+1])
			}
		}
		check("vectors")
		byWords(func() { check("words") })
	}
}

// FuzzLines decodes files by Lines, by vectors and by words, and by Decode alone.
func FuzzLines(f *testing.F) {
	for i, column := range fields {
		for _, s := range column.texts {
			f.Add([]byte(s+","+s+"\n"+s+","+s+"\r\n"), uint64(1|i<<3|i<<7), "")
		}
	}
	f.Add([]byte("1,2024-01-15T10:00:00.5Z,12.3456,a\n2,2024-01-15T10:00:01Z,-1.0000,a longer text of many bytes\n3,,,\n"), uint64(3|0<<3|11<<7|8<<11|2<<15), "")
	f.Fuzz(func(t *testing.T, data []byte, choice uint64, null string) {
		var all []catalog.Column
		var read []int
		for i := range 1 + int(choice%5) {
			all = append(all, catalog.Column{Name: fmt.Sprintf("c%d", i), Type: fields[int(choice>>(3+4*i)&15)%len(fields)].typ})
			if choice>>(40+i)&1 == 0 {
				read = append(read, i)
			}
		}
		o := Options{Null: null, Delimiter: ",;\t-"[choice>>50&3]}
		want, _ := decodeAll(all, read, o, data, 0)
		for _, limit := range []int{1 + int(choice>>55), vec.MaxRows} {
			check := func(how string) {
				if got, _ := decodeAll(all, read, o, data, limit); !slices.Equal(got, want) {
					t.Fatalf("columns %v of %v, null %q, %d at a time, by %s\n%q\nLines: %q\nDecode: %q", read, all, null, limit, how, data, got, want)
				}
			}
			check("vectors")
			byWords(func() { check("words") })
		}
	})
}
