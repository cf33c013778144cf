package types_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// rowFormat knows two relations: 16384 (a int, b text), and 16385 (p of the
// first's row type, q of arrays of them).
func rowFormat() *types.Format {
	first := types.RowType(16384)
	known := map[types.OID][]types.RowColumn{
		first:                {{Name: "a", Type: types.Of(types.Int4)}, {Name: "b", Type: types.Of(types.Text)}},
		types.RowType(16385): {{Name: "p", Type: types.Of(first)}, {Name: "q", Type: types.Of(types.Lookup(first).Array)}},
	}
	f := types.DefaultFormat()
	f.Rows = func(oid types.OID) ([]types.RowColumn, bool) {
		cols, ok := known[oid]
		return cols, ok
	}
	return f
}

func TestRowsReadBack(t *testing.T) {
	f := rowFormat()
	array := types.Lookup(types.RowType(16384)).Array
	for _, c := range []struct {
		oid      types.OID
		in, want string
	}{
		{types.RowType(16384), ` ( 1 , a\,) `, `(1," a,")`},
		{types.RowType(16384), `(,"")`, `(,"")`},
		{types.RowType(16385), `("(1,""x y"")","{""(2,)"",NULL}")`, `("(1,""x y"")","{""(2,)"",NULL}")`},
		{array, `{"(1,a)",NULL}`, `{"(1,a)",NULL}`},
	} {
		typ := types.Of(c.oid)
		v, err := types.Parse(typ, c.in, f)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := string(types.AppendText(nil, v, f)); got != c.want {
			t.Errorf("%s reads as %s, want %s", c.in, got, c.want)
		}
		again, err := types.FromBinary(typ, types.AppendBinary(nil, v, f), f)
		if err != nil {
			t.Errorf("%s: the binary form: %v", c.in, err)
			continue
		}
		if got := string(types.AppendText(nil, again, f)); got != c.want || types.Compare(v, again) != 0 {
			t.Errorf("%s comes back from its binary form as %s", c.in, got)
		}
	}
}

func TestRowsRefused(t *testing.T) {
	f, typ := rowFormat(), types.Of(types.RowType(16384))
	be := binary.BigEndian
	header := func(n, oid uint32) []byte { return be.AppendUint32(be.AppendUint32(nil, n), oid) }
	for _, c := range []struct {
		text   string
		binary []byte
		code   sqlerr.Code
		detail string
	}{
		{text: "1,a", code: sqlerr.InvalidTextRepresentation, detail: "Missing left parenthesis."},
		{text: "(1)", code: sqlerr.InvalidTextRepresentation, detail: "Too few columns."},
		{text: "(1,2,3)", code: sqlerr.InvalidTextRepresentation, detail: "Too many columns."},
		{text: `(1,"a`, code: sqlerr.InvalidTextRepresentation, detail: "Unexpected end of input."},
		{text: "(1,a)x", code: sqlerr.InvalidTextRepresentation, detail: "Junk after right parenthesis."},
		{text: "(x,a)", code: sqlerr.InvalidTextRepresentation},
		{binary: header(3, 23), code: sqlerr.DatatypeMismatch},
		{binary: be.AppendUint32(header(2, 25), 0), code: sqlerr.DatatypeMismatch},
		{binary: be.AppendUint32(header(2, 23), 9), code: sqlerr.InvalidBinaryRepresentation},
	} {
		var err error
		if c.binary != nil {
			_, err = types.FromBinary(typ, c.binary, f)
		} else {
			_, err = types.Parse(typ, c.text, f)
		}
		var e *sqlerr.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Detail != c.detail {
			t.Errorf("%q %x: %v", c.text, c.binary, err)
		}
	}
	if _, err := types.Parse(types.Of(types.RowType(20000)), "(1)", f); sqlerr.From(err).Code != sqlerr.UndefinedObject {
		t.Errorf("a row of a relation that is gone: %v", err)
	}
}
