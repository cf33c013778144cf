package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// sampleFile is a file of all samples.
func sampleFile(t testing.TB, codec Codec, n int) []byte {
	t.Helper()
	cols, b := table(t, n, 3)
	w, err := NewWriter(cols, WriteOptions{Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var file []byte
	for i := range b.Rows {
		if err := w.Add(b, i); err != nil {
			t.Fatal(err)
		}
		if i == n/2 || i == n-1 {
			if file, err = w.Group(file, int64(len(file))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w.Footer(file)
}

// readAll reads what a file has, whatever it is, up to a number of rows: by its own
// columns, by those of the samples, and all of it as jsonb. An error is one of a damaged
// file.
func readAll(data []byte, most int) error {
	f, err := Open(inMemory(data), int64(len(data)), Settings{Window: 1 << 10})
	if err != nil {
		return err
	}
	own, first := f.Columns()
	asJSON := make([]catalog.Column, 0, len(own))
	for _, c := range own {
		asJSON = append(asJSON, catalog.Column{Name: c.Name, Type: types.Of(types.JSONB)})
	}
	var declared []catalog.Column
	for i, s := range samples {
		declared = append(declared, catalog.Column{Name: fmt.Sprintf("c%d", i), Type: s.typ})
	}
	for _, cols := range [][]catalog.Column{own, declared, asJSON} {
		r, err := NewReader(f, cols, Options{})
		if err != nil {
			first = errors.Join(first, err)
			continue
		}
		for n := 0; n < most; {
			var b []vec.Vec
			for _, c := range cols {
				b = append(b, vec.New(c.Type))
			}
			got, err := r.Read(b, 300)
			if errors.Is(err, io.EOF) {
				break
			}
			var damage *GroupError
			if errors.As(err, &damage) {
				first = errors.Join(first, err)
				n += 100
				continue
			}
			if err != nil {
				r.Close()
				return err
			}
			for i, v := range b {
				if v.Len() != got {
					return fmt.Errorf("column %d has %d rows of %d", i, v.Len(), got)
				}
			}
			for row := range got {
				rowText(cols, b, row)
			}
			n += got
		}
		r.Close()
	}
	return first
}

// known reports whether an error is one that a file may have.
func known(err error) bool {
	if err == nil {
		return true
	}
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			if !known(e) {
				return false
			}
		}
		return true
	}
	return sqlerr.CodeOf(err) != sqlerr.InternalError
}

// TestDamaged changes, cuts and repeats bytes of files: each is read, or an error of its
// own, and no room is made for what is not there.
func TestDamaged(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := rand.New(rand.NewPCG(11, 12))
	n := 0
	for _, codec := range []Codec{Uncompressed, Snappy, Zstd} {
		whole := sampleFile(t, codec, 60)
		for range 150 {
			data := append([]byte(nil), whole...)
			for range 1 + r.IntN(4) {
				at := r.IntN(len(data))
				if r.IntN(2) == 0 { // the footer is the smaller part
					at = len(data) - 1 - r.IntN(min(len(data), 3000))
				}
				switch r.IntN(4) {
				case 0:
					data[at] = byte(r.Uint32())
				case 1:
					data[at] ^= 1 << r.IntN(8)
				case 2:
					data = append(data[:at:at], data[min(at+1+r.IntN(20), len(data)):]...)
				case 3:
					data = append(data[:at:at], append([]byte{0xff, 0xff, 0xff, 0xff, 0x7f}[:1+r.IntN(5)], data[at:]...)...)
				}
				if len(data) == 0 {
					data = []byte{0}
				}
			}
			if err := readAll(data, 1000); !known(err) {
				t.Fatalf("an error that is no file's: %v", err)
			}
			n++
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(n); each > 64<<20 {
		t.Errorf("a damaged file of some KB took %d bytes", each)
	}
}

// TestClaims: lengths and counts that the bytes do not bear out.
func TestClaims(t *testing.T) {
	footer := func(write func(w *thriftWriter)) []byte {
		var w thriftWriter
		w.begin()
		w.i32(1, 2)
		write(&w)
		w.end()
		out := append([]byte("PAR1"), w.b...)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(w.b)))
		return append(out, "PAR1"...)
	}
	deep := func(n int) []byte {
		return footer(func(w *thriftWriter) {
			w.list(2, n+1, thriftStruct)
			for i := range n + 1 {
				e := element{phys: physGroup, name: "a", children: 1, converted: -1, repetition: optional}
				if i == n {
					e.phys, e.children = physInt32, 0
				}
				writeElement(w, &e)
			}
		})
	}
	nothing := func(field int) func(w *thriftWriter) {
		return func(w *thriftWriter) {
			w.list(field, 1<<16, thriftStruct)
			w.b = append(w.b, make([]byte, 1<<16)...)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":       {nil, "it has 0 bytes"},
		"a long footer": {[]byte("PAR1\xff\xff\xff\x7fPAR1"), "footer is said to be 2147483647 bytes"},
		"a long list":   {footer(func(w *thriftWriter) { w.field(2, thriftList); w.b = append(w.b, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f) }), "footer"},
		"a long name":   {footer(func(w *thriftWriter) { w.field(6, thriftBinary); w.b = append(w.b, 0xff, 0xff, 0xff, 0xff, 0x7f) }), "footer"},
		"no schema":     {footer(func(*thriftWriter) {}), "no schema"},
		"many children": {footer(func(w *thriftWriter) {
			w.list(2, 1, thriftStruct)
			writeElement(w, &element{phys: physGroup, children: 1 << 30, converted: -1})
		}), "others"},
		"a deep schema": {deep(5000), "deep"},
		"deep structures": {footer(func(w *thriftWriter) {
			for range 1000 {
				w.structure(9)
			}
			for range 1000 {
				w.end()
			}
		}), "footer"},
		"a schema of nothing":   {footer(nothing(2)), "its footer of 65544 bytes is damaged"},
		"row groups of nothing": {footer(nothing(4)), "its footer of 65544 bytes is damaged"},
		"encrypted":             {[]byte("PAR1\x00\x00\x00\x00PARE"), "encrypted"},
	} {
		_, err := Open(inMemory(c.data), int64(len(c.data)), Settings{})
		if err == nil || !strings.Contains(err.Error(), c.says) || !known(err) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestCrowded: a value that a file has once, and that is in every row, is not held as
// often as there are rows: fewer of them are read at a time.
func TestCrowded(t *testing.T) {
	const rows, size = 900, 256 << 10
	for _, oid := range []types.OID{types.Text, types.JSONB, 1009} {
		col := catalog.Column{Name: "c", Type: types.Of(oid)}
		b := vec.NewBatch([]types.Type{col.Type})
		value := `"` + strings.Repeat("x", size) + `"`
		switch v := b.Cols[0].(type) {
		case *vec.Bytes:
			v.AppendString(value)
		case *vec.List:
			v.Elem.(*vec.Bytes).AppendString(value)
			v.EndRow()
		}
		b.Rows = 1
		w, err := NewWriter([]catalog.Column{col}, WriteOptions{Codec: Snappy})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for range rows {
			if err := w.Add(b, 0); err != nil {
				t.Fatal(err)
			}
		}
		data, err := w.Group(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		data = w.Footer(data)
		f, err := Open(inMemory(data), int64(len(data)), Settings{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(f, []catalog.Column{col}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got := 0
		for {
			cols := []vec.Vec{vec.New(col.Type)}
			n, err := r.Read(cols, vec.MaxRows)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if got += n; cols[0].Len() != n || weight(cols[0]) > mostBatch || weight(cols[0]) < n*size {
				t.Fatalf("%s: %d rows of %d bytes, %d of them", types.FormatType(col.Type), weight(cols[0]), cols[0].Len(), n)
			}
		}
		if got != rows {
			t.Errorf("%s: %d rows, want %d", types.FormatType(col.Type), got, rows)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sampleFile(f, Uncompressed, 20))
	f.Add(sampleFile(f, Snappy, 20))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := readAll(data, 600); !known(err) {
			t.Fatal(err)
		}
	})
}

// FuzzHybrid: what is written of numbers is read again.
func FuzzHybrid(f *testing.F) {
	f.Add([]byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3}, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		w := uint(width)%31 + 1
		values := make([]uint32, len(data))
		for i, c := range data {
			values[i] = uint32(c) * 0x01010101 & (1<<w - 1)
		}
		h := newHybrid(appendHybrid(nil, values, w), w)
		got := make([]uint32, len(values))
		if !h.read(got) {
			t.Fatal("there are fewer values")
		}
		for i := range got {
			if got[i] != values[i] {
				t.Fatalf("value %d is %d, want %d", i, got[i], values[i])
			}
		}
	})
}
