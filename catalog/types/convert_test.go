package types

import (
	"bytes"
	"strings"
	"testing"
)

// TestAppendConverted converts the texts in binary forms, and leaves forms that are cut
// short anywhere to whoever reads them.
func TestAppendConverted(t *testing.T) {
	upper := func(dst, text []byte) ([]byte, error) {
		return append(append(dst, bytes.ToUpper(text)...), '!'), nil
	}
	array := "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x19\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02ab\xff\xff\xff\xff\x00\x00\x00\x00"
	converted := "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x19\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x03AB!\xff\xff\xff\xff\x00\x00\x00\x01!"
	for _, c := range []struct {
		typ        OID
		form, want string
	}{
		{Text, "ab", "AB!"},
		{JSONB, "\x01{}", "\x01{}!"},
		{Bytea, "ab", "ab"},
		{Int4, "abcd", "abcd"},
		{Lookup(Text).Array, array, converted},
		{Lookup(Text).Array, strings.Repeat("\x00", 12), strings.Repeat("\x00", 12)},
		{Lookup(Int4).Array, array, array},
		{Record, "\x00\x00\x00\x02\x00\x00\x00\x19\x00\x00\x00\x01a\x00\x00\x00\x11\x00\x00\x00\x01a", "\x00\x00\x00\x02\x00\x00\x00\x19\x00\x00\x00\x02A!\x00\x00\x00\x11\x00\x00\x00\x01a"},
	} {
		got, err := AppendConverted([]byte("-"), c.typ, []byte(c.form), upper)
		if string(got) != "-"+c.want || err != nil {
			t.Errorf("type %d, %q = %q, %v; want %q", c.typ, c.form, got, err, "-"+c.want)
		}
		for n := range len(c.form) {
			got, err := AppendConverted(nil, c.typ, []byte(c.form[:n]), upper)
			if err != nil || len(got) < n {
				t.Errorf("type %d, the first %d bytes of %q = %q, %v; want no less", c.typ, n, c.form, got, err)
			}
		}
	}
}
