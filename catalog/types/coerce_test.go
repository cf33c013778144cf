package types

import (
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestCoerce: an explicit cast truncates what an assignment refuses.
func TestCoerce(t *testing.T) {
	mod := func(oid OID, mods ...int32) Type {
		m, err := Lookup(oid).ModIn(mods)
		if err != nil {
			t.Fatal(err)
		}
		return Type{oid, m}
	}
	for _, c := range []struct {
		from, value string
		to          Type
		assigned    string // or a SQLSTATE
		cast        string
	}{
		{"varchar", "日本語x", mod(Varchar, 3), "22001", "日本語"},
		{"varchar", "abc  ", mod(Varchar, 3), "abc", "abc"},
		{"varchar", "ab", mod(Varchar, 3), "ab", "ab"},
		{"bpchar", "ab", mod(BPChar, 4), "ab  ", "ab  "},
		{"bpchar", "abcde", mod(BPChar, 4), "22001", "abcd"},
		{"numeric", "12.345", mod(Numeric, 4, 2), "12.35", "12.35"},
		{"numeric", "123.45", mod(Numeric, 4, 2), "22003", "22003"},
		{"timestamp", "2001-02-03 04:05:06.789", mod(Timestamp, 1), "2001-02-03 04:05:06.8", "2001-02-03 04:05:06.8"},
		{"time", "04:05:06.789", mod(Time, 0), "04:05:07", "04:05:07"},
		{"interval", "1 day 04:05:06.789", mod(Interval, rangeDay), "1 day", "1 day"},
		{"_varchar", "{abcd,NULL}", Type{1015, 3 + 4}, "22001", "{abc,NULL}"},
	} {
		info, ok := ByName(c.from)
		if !ok {
			t.Fatalf("no type %s", c.from)
		}
		f := DefaultFormat()
		v, err := Parse(Of(info.OID), c.value, f)
		if err != nil {
			t.Fatal(err)
		}
		for explicit, want := range map[bool]string{false: c.assigned, true: c.cast} {
			got := ""
			if w, err := Coerce(v, c.to, explicit); err != nil {
				got = string(sqlerr.CodeOf(err))
			} else {
				got = string(AppendText(nil, w, f))
			}
			if got != want {
				t.Errorf("%s as %s, explicit %v = %q, want %q", c.value, FormatType(c.to), explicit, got, want)
			}
		}
	}
}

func TestByName(t *testing.T) {
	for name, want := range map[string]OID{
		"int4": Int4, "integer": Int4, "int": Int4, "bigint": Int8, "double precision": Float8, "float": Float8, "character varying": Varchar, "char": BPChar,
		"decimal": Numeric, "timestamp": Timestamp, "timestamp without time zone": Timestamp, "timestamp with time zone": Timestamptz, "time": Time,
		"integer[]": 1007, "_int4": 1007, "text[][]": 1009, "numeric []": 1231, "boolean": Bool, "string": Text, "money": 790,
	} {
		if i, ok := ByName(name); !ok || i.OID != want {
			t.Errorf("ByName(%s) = %v, want %d", name, i, want)
		}
	}
	if i, ok := ByName("nothing"); ok {
		t.Errorf("ByName(nothing) = %v", i)
	}
}
