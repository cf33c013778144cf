package aggregate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// samples are values of each type that an aggregate takes, as text.
var samples = map[types.OID][]string{
	types.Bool: {"t", "f"}, types.Int2: {"1", "-7", "300"}, types.Int4: {"1", "-7", "70000"}, types.Int8: {"5", "-9223372036854775808", "9223372036854775807"},
	types.Float4: {"1.5", "-2.25", "NaN"}, types.Float8: {"1.5", "-1e100", "Infinity", "0.1"}, types.Numeric: {"1.50", "-7", "123456789012345678901234567890.5", "NaN", "2.5"},
	types.Text: {"a", "", "long text"}, types.BPChar: {"a", "b"}, types.Bytea: {`\x00`, `\xff01`}, types.Date: {"2024-01-01", "infinity"}, types.Time: {"10:00", "24:00"},
	types.Timestamp: {"2024-01-01", "-infinity"}, types.Timestamptz: {"2024-01-01 00:00+00", "2025-01-01 00:00+00"}, types.Interval: {"1 day", "-2 mons 3 hours"},
	types.Inet: {"10.0.0.1/8", "::1"}, types.Money: {"2.50", "-1"}, types.Timetz: {"10:00+02", "09:00-03"}, types.Oid: {"1", "4000000000"},
}

// sampled are values of any other type, where it has one that is equally good.
func sampled(t types.OID) []string {
	if s := samples[t]; s != nil {
		return s
	}
	info := types.Lookup(t)
	if types.IsEnum(t) {
		return []string{"0", "-5", "7"} // the numbers of labels
	}
	switch info.Name {
	case "pg_lsn":
		return []string{"1/0", "F/0"}
	case "tid":
		return []string{"(1,2)", "(0,1)"}
	case "xid8":
		return []string{"1", "18446744073709551615"}
	case "bit", "varbit":
		return []string{"101", "011"}
	case "json", "jsonb":
		return []string{"1", `{"a": 2}`}
	}
	switch t {
	case types.OID(3904):
		return []string{"[1,5)", "[3,9)", "empty"}
	case types.OID(4451):
		return []string{"{[1,5),[7,9)}", "{[2,8)}"}
	}
	return nil
}

const anyEnum types.OID = 3500

// concrete are argument types for a function that takes any.
func concrete(f *catalog.Function) []types.Type {
	ts := make([]types.Type, 0, len(f.Args)+1)
	for _, a := range f.Args {
		switch a {
		case types.Any, types.AnyElement, types.AnyNonArray:
			a = types.Int4
		case anyEnum:
			a = 20000
		case types.AnyArray:
			a = 1007
		case types.AnyRange:
			a = types.OID(3904)
		case types.AnyMultirange:
			a = types.OID(4451)
		}
		ts = append(ts, types.Of(a))
	}
	if f.AggKind == catalog.OrderedSet && len(f.Args) == f.Direct {
		ts = append(ts, types.Of(types.Int4))
	}
	if f.AggKind == catalog.HypotheticalSet {
		ts = []types.Type{types.Of(types.Int4), types.Of(types.Int4)}
	}
	return ts
}

// TestKeep: every aggregate goes on from what Save wrote as if nothing had been,
// with rows taken out too where it can.
func TestKeep(t *testing.T) {
	for f := range makers {
		for _, retracts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s%v/%v", f.Name, f.Args, retracts), func(t *testing.T) { keepOne(t, f, retracts) })
		}
	}
}

func keepOne(t *testing.T, f *catalog.Function, retracts bool) {
	ts := concrete(f)
	c := plan.AggCall{Func: f, Typ: types.Of(f.Ret), Direct: f.Direct}
	if f.AggKind == catalog.HypotheticalSet {
		c.Direct = 1
	}
	for i, typ := range ts {
		c.Args = append(c.Args, &plan.Column{Index: i, Typ: typ})
	}
	switch f.Ret {
	case types.AnyRange:
		c.Typ = ts[0]
	case types.AnyMultirange:
		c.Typ = types.Of(types.OID(4451))
	case types.AnyElement, types.AnyNonArray, anyEnum:
		c.Typ = ts[len(ts)-1]
	case types.AnyArray:
		c.Typ = types.Of(types.Lookup(ts[len(ts)-1].OID).Array)
		if f.Args[len(f.Args)-1] == types.AnyArray {
			c.Typ = ts[len(ts)-1]
		}
	}
	if f.AggKind != 0 {
		for _, a := range c.Args[c.Direct:] {
			c.OrderBy = append(c.OrderBy, plan.SortKey{Expr: a})
		}
	}
	env := &function.Env{Format: types.DefaultFormat()}
	if _, err := New(c, env, retracts); retracts && sqlerr.CodeOf(err) == sqlerr.FeatureNotSupported {
		return // it takes no rows out, and says so
	}
	fresh := func() Aggregate {
		a, err := New(c, env, retracts)
		if err != nil {
			t.Fatal(err)
		}
		a.Grow(3)
		return a
	}
	straight, before, after := fresh(), fresh(), fresh()
	if _, ok := straight.(Keeper); !ok {
		t.Fatalf("%T cannot be kept", straight)
	}
	rng := rand.New(rand.NewPCG(7, uint64(len(f.Name))))
	ops, groups := make([]vec.Op, 30), make([]int32, 30)
	add := func(as ...Aggregate) {
		cols := make([]vec.Vec, len(ts))
		for i, typ := range ts {
			cols[i] = vec.New(typ)
			for r := range groups {
				texts := sampled(typ.OID)
				if types.Lookup(typ.OID).Phys == types.PhysList {
					texts = []string{"{1,2}", "{3,NULL}"}
				}
				if texts == nil {
					t.Fatalf("no sample of type %v", typ)
				}
				text := texts[rng.IntN(len(texts))]
				if f.AggKind == catalog.OrderedSet && i < c.Direct {
					text = "0.5"
					if types.Lookup(typ.OID).Phys == types.PhysList {
						text = "{0.25,1}"
					}
				}
				if i == 0 && strings.Contains(f.Name, "unique") {
					text = fmt.Sprint(rng.IntN(1 << 30))
				}
				v, err := types.Parse(typ, text, types.DefaultFormat())
				if err != nil {
					t.Fatal(err)
				}
				vec.Append(cols[i], v)
				if groups[r] = int32(rng.IntN(3)); retracts && r%5 == 4 {
					ops[r] = vec.Delete
				}
			}
		}
		var o []vec.Op
		if retracts {
			o = ops
		}
		for _, a := range as {
			if err := a.Add(groups, cols, nil, o); err != nil {
				t.Fatalf("the rows are not to its liking: %v", err)
			}
		}
	}
	add(straight, before)
	for g := range int32(3) {
		b := before.(Keeper).Save(g, []byte("x"))
		rest, err := after.(Keeper).Load(g, append(b[1:], "rest"...))
		if err != nil || string(rest) != "rest" {
			t.Fatalf("Load leaves %q, %v", rest, err)
		}
		for n := range b[1:] {
			if _, err := fresh().(Keeper).Load(g, b[1:1+n]); err == nil {
				t.Errorf("Load takes the first %d of %d bytes", n, len(b)-1)
			}
		}
	}
	add(straight, after)
	for g := range int32(3) {
		want, got := vec.New(c.Typ), vec.New(c.Typ)
		werr, gerr := straight.Result([]int32{g}, want), after.Result([]int32{g}, got)
		if fmt.Sprint(werr) != fmt.Sprint(gerr) {
			t.Fatalf("group %d: error %v, and without keeping %v", g, gerr, werr)
		}
		if werr != nil {
			continue
		}
		w, x := vec.Get(want, 0, c.Typ), vec.Get(got, 0, c.Typ)
		if w.Null != x.Null || !w.Null && string(types.AppendText(nil, w, types.DefaultFormat())) != string(types.AppendText(nil, x, types.DefaultFormat())) {
			t.Errorf("group %d is %v, and without keeping %v", g, x, w)
		}
	}
}
