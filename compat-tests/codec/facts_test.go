package codec

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// fact is a type as pg_type has it.
func fact(i *types.Info) string {
	return fmt.Sprint(i.OID, " ", i.Name, " ", i.SQLName, " array ", i.Array, " elem ", i.Elem, " len ", i.Len, " byval ", i.ByVal,
		" align ", string(i.Align), " category ", string(i.Category), " preferred ", i.Preferred, " type ", string(i.Kind), " delim ", string(i.Delim))
}

// TestTypeFacts compares every registered type with PostgreSQL's pg_type, and
// asks that none of PostgreSQL's base types is missing.
func TestTypeFacts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	rows := o.exec(`select oid, concat(oid, ' ', typname, ' ', format_type(oid, null), ' array ', typarray, ' elem ', typelem, ' len ', typlen,
		' byval ', typbyval::text, ' align ', typalign, ' category ', typcategory, ' preferred ', typispreferred::text, ' type ', typtype, ' delim ', typdelim)
		from pg_type t where oid < 10000 and typtype <> 'c' and not exists (select from pg_type e where e.oid = t.typelem and e.typtype = 'c')`)
	want := map[types.OID]string{}
	for _, row := range rows {
		oid, err := strconv.Atoi(string(row[0]))
		if err != nil {
			t.Fatal(err)
		}
		want[types.OID(oid)] = string(row[1])
	}
	for _, i := range types.All() {
		if got := fact(i); got != want[i.OID] {
			t.Errorf("type %d\n got %s\nwant %s", i.OID, got, want[i.OID])
		}
		delete(want, i.OID)
	}
	for _, missing := range want {
		t.Errorf("missing: %s", missing)
	}
}

// TestFormatType compares names with modifiers with PostgreSQL's format_type.
func TestFormatType(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real PostgreSQL; run without -short")
	}
	o := newOracle(t)
	for _, suite := range suites {
		for _, name := range suite.types {
			o.exec("drop table if exists f; create temp table f (v " + name + ")")
			row := o.exec("select atttypid, atttypmod, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'f'::regclass and attname = 'v'")[0]
			typ := typeOf(name)
			got := fmt.Sprint(typ.OID, " ", typ.Mod, " ", types.FormatType(typ))
			if want := fmt.Sprintf("%s %s %s", row[0], row[1], row[2]); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
			if i, ok := types.ByName(strings.SplitN(types.FormatType(types.Of(typ.OID)), "(", 2)[0]); typ.OID != types.Char && typ.OID != types.BPChar && (!ok || i.OID != typ.OID) {
				t.Errorf("ByName(%s) is %v", types.FormatType(types.Of(typ.OID)), i)
			}
		}
	}
}
