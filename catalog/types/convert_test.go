package types

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
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

// TestAppendConvertedIsBounded: rows within rows, as deep as a message has room for, are
// refused, and no stack without an end.
func TestAppendConvertedIsBounded(t *testing.T) {
	rows := func(depth int) (form []byte) {
		for size := 12 * (depth - 1); size >= 0; size -= 12 {
			form = append(form, 0, 0, 0, 1)
			form = binary.BigEndian.AppendUint32(form, uint32(Record))
			form = binary.BigEndian.AppendUint32(form, uint32(size))
		}
		return form
	}
	same := func(dst, text []byte) ([]byte, error) { return append(dst, text...), nil }
	form := rows(maxRowDepth)
	if got, err := AppendConverted(nil, Record, form, same); err != nil || !slices.Equal(got, form) {
		t.Errorf("%d rows in each other = %d bytes, %v; want %d as they are", maxRowDepth, len(got), err, len(form))
	}
	for _, depth := range []int{maxRowDepth + 1, 4 << 20} {
		if _, err := AppendConverted(nil, Record, rows(depth), same); sqlerr.CodeOf(err) != sqlerr.StatementTooComplex {
			t.Errorf("%d rows in each other: %v, want %s", depth, err, sqlerr.StatementTooComplex)
		}
	}
}
