package avro

import (
	"testing"

	oracle "github.com/twmb/avro"
)

// FuzzDecode decodes anything by a schema of every type: nothing may crash, no row
// may be left half written, and what is taken is what the oracle takes.
func FuzzDecode(f *testing.F) {
	schema := record(everything)
	s := parse(f, schema)
	o, err := oracle.Parse(schema)
	if err != nil {
		f.Fatal(err)
	}
	cols, err := s.Columns(false)
	if err != nil {
		f.Fatal(err)
	}
	// The six bytes that end the process of a decoder without limits.
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0x1f, 0x00})
	f.Add(make([]byte, 120))
	d, err := NewDecoder(cols, Options{Schema: s})
	if err != nil {
		f.Fatal(err)
	}
	loose, err := NewDecoder(cols, Options{Schema: s, NullBad: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := batch(cols)
		d.Bind(b.Cols)
		err := d.Decode(raw)
		for i, c := range b.Cols {
			if want := map[bool]int{true: 1}[err == nil]; c.Len() != want {
				t.Fatalf("column %s has %d rows after %v", cols[i].Name, c.Len(), err)
			}
		}
		if err == nil {
			_ = text(cols, b, 0)
			var v any
			if rest, err := o.Decode(raw, &v); err == nil && len(rest) > 0 {
				t.Errorf("the oracle leaves %d bytes of %x", len(rest), raw)
			}
		}
		b.Reset()
		loose.Bind(b.Cols)
		if err := loose.Decode(raw); err != nil {
			t.Errorf("with NullBad: %v", err)
		}
	})
}

// FuzzContainer reads anything as a container file.
func FuzzContainer(f *testing.F) {
	f.Add([]byte("Obj\x01\x02\x16avro.schema\x0a\"int\"\x00................\x02\x02\x04................"))
	f.Fuzz(func(_ *testing.T, file []byte) {
		for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
			_, _ = read(codec, file)
		}
	})
}

// FuzzSchema parses anything, and reads it as itself.
func FuzzSchema(f *testing.F) {
	f.Add(record(everything))
	f.Add(`{"type":"record","name":"list","fields":[{"name":"v","type":"int","default":1},{"name":"next","type":["null","list"]}]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		s, err := Parse(schema)
		if err != nil {
			return
		}
		if cols, err := s.Columns(true); err == nil {
			if d, err := NewDecoder(cols, Options{Schema: s}); err == nil {
				b := batch(cols)
				d.Bind(b.Cols)
				_ = d.Decode([]byte(schema))
			}
		}
	})
}
