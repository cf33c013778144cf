package codec

import (
	"bytes"
	"flag"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// FuzzTypes gives every type any text and any binary form. Nothing panics, and
// what is accepted is reproduced by its own text and binary forms.
func FuzzTypes(f *testing.F) {
	// Who fuzzes begins with one of many: how the code runs with each of them is recorded first,
	// which took all of ten seconds.
	each, n := 1, 0
	if flag.Lookup("test.fuzz").Value.String() != "" {
		each = 16
	}
	seed := func(oid types.OID, form []byte, binary bool, pick byte) {
		if n++; n%each == 0 {
			f.Add(uint32(oid), form, binary, pick)
		}
	}
	for i, suite := range suites {
		for j, q := range suite.questions() {
			if j%7 == 0 {
				seed(typeOf(q.typ).OID, []byte(q.input), q.binary, byte(i))
			}
		}
	}
	// And of every base type what a column of it may hold.
	for i, c := range columns {
		typ := typeOf(c.typ)
		for _, text := range append(c.values, c.csvOnly...) {
			seed(typ.OID, []byte(text), false, byte(i))
			if v, err := types.Parse(typ, text, types.DefaultFormat()); err == nil {
				seed(typ.OID, types.AppendBinary(nil, v, nil), true, byte(i))
			}
		}
	}
	all := append(append([]settings{"bytea_output=escape"}, dateSettings...), intervalStyleSettings...)
	f.Fuzz(func(t *testing.T, oid uint32, input []byte, binary bool, pick byte) {
		info := types.Lookup(types.OID(oid))
		if info == nil || info.In == nil || info.Phys == types.PhysNone {
			return
		}
		typ, set := types.Of(info.OID), all[int(pick)%len(all)]
		format := set.format()
		var v types.Value
		var err error
		if binary {
			v, err = types.FromBinary(typ, input, nil)
		} else {
			v, err = types.Parse(typ, string(input), format)
		}
		if err != nil {
			return
		}
		form := types.AppendBinary(nil, v, nil)
		text := types.AppendText(nil, v, format)
		if info.OID == types.Char || info.OID == types.Void {
			return // high bytes of "char" print as escapes that only it reads
		}
		if hasEmptyQuery(v) {
			return // PostgreSQL refuses the binary form of its own empty tsquery
		}
		if v.A != nil && len(v.A.Dims) == 1 && len(v.A.Elems) == 0 {
			return // PostgreSQL refuses the binary form of its own empty vectors
		}
		again, err := types.FromBinary(typ, form, nil)
		if err != nil {
			t.Fatalf("%s: own binary form %x of %q refused: %v", info.Name, form, input, err)
		}
		if got := types.AppendBinary(nil, again, nil); !bytes.Equal(got, form) {
			t.Fatalf("%s: binary form %x read again is %x", info.Name, form, got)
		}
		if !readsBack(info, set, text) {
			return
		}
		if again, err = types.Parse(typ, string(text), format); err != nil {
			t.Fatalf("%s under %s: own text form %q of %q refused: %v", info.Name, set, text, input, err)
		}
		if got := types.AppendText(nil, again, format); !bytes.Equal(got, text) {
			t.Fatalf("%s under %s: text form %q read again is %q", info.Name, set, text, got)
		}
	})
}

// hasEmptyQuery reports whether v is a tsquery without words, or an array of one.
func hasEmptyQuery(v types.Value) bool {
	if v.A == nil {
		return v.Type.OID == types.TSQuery && len(v.S) == 4
	}
	for _, e := range v.A.Elems {
		if !e.Null && hasEmptyQuery(e) {
			return true
		}
	}
	return false
}

// readsBack reports whether PostgreSQL itself reads such text as the same value.
// Not so for dates outside ISO (a day before the month under another order, an
// abbreviation that names several zones), for intervals of mixed signs in the
// standard's style, for the extremes of intervals, and for characters of
// "char"[] above ASCII.
func readsBack(info *types.Info, set settings, text []byte) bool {
	elem := info.OID
	if info.Elem != 0 && info.Phys == types.PhysList {
		elem = info.Elem
	}
	format := set.format()
	switch types.Lookup(elem).Name {
	case "daterange", "tsrange", "tstzrange", "datemultirange", "tsmultirange", "tstzmultirange":
		return format.DateStyle == types.DateISO
	}
	switch elem {
	case types.Date, types.Timestamp, types.Timestamptz:
		return format.DateStyle == types.DateISO
	case types.Interval:
		return format.IntervalStyle == types.IntervalPostgres && !bytes.Contains(text, []byte("2562047788:00:54.775808"))
	case types.Char:
		return false
	}
	return true
}
