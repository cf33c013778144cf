package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

// sampleOf are expressions over a bigint id, by the type that they are of.
var sampleOf = map[string]string{
	"bool": "id % 3 = 0", "int2": "(id % 7)::int2", "int4": "(id % 7)::int4", "int8": "id % 7", "float4": "(id % 9)::float4 / 4", "float8": "(id % 9)::float8 / 4",
	"numeric": "(id % 11)::numeric / 4", "text": "(id % 5)::text", "bpchar": "(id % 5)::text::char(3)", "bytea": "convert_to((id % 5)::text, 'UTF8')",
	"date": "date '2024-01-01' + (id % 9)::int", "time": "time '10:00' + (id % 9) * interval '1 minute'", "timetz": "((time '10:00' + (id % 9) * interval '1 minute')::text || '+02')::timetz",
	"timestamp": "timestamp '2024-01-01' + (id % 9) * interval '1 hour'", "timestamptz": "timestamptz '2024-01-01 00:00+00' + (id % 9) * interval '1 hour'",
	"interval": "(id % 9) * interval '1 hour'", "inet": "('10.0.0.' || id % 9)::inet", "money": "((id % 9)::int4)::money", "oid": "(id % 9)::oid", "pg_lsn": "('0/' || id % 9)::pg_lsn",
	"tid": "('(0,' || id % 9 || ')')::tid", "xid8": "(id % 9)::text::xid8", "bit": "(id % 8)::int4::bit(3)", "anyrange": "int4range((id % 5)::int4, (id % 3)::int4 + 9)",
	"anymultirange": "int4multirange(int4range((id % 5)::int4, (id % 3)::int4 + 9))", "anyarray": "ARRAY[(id % 5)::int4, 7]", "anynonarray": "id % 7", "anyelement": "id % 7", "any": "id % 7",
}

// aggregateCalls are a call of every aggregate but those of enums.
func aggregateCalls(t *testing.T) []string {
	var calls []string
	for _, d := range function.All() {
		f := d.Func
		if f.Kind != catalog.Aggregate {
			continue
		}
		var args []string
		enum := false
		for i, a := range f.Args {
			name := types.Lookup(a).Name
			if name == "anyenum" {
				enum = true
				continue
			}
			sample := sampleOf[name]
			if f.AggKind == catalog.HypotheticalSet {
				continue
			}
			if i < f.Direct {
				sample = map[string]string{"float8": "0.5", "_float8": "ARRAY[0.25, 1]"}[name]
			}
			if sample == "" {
				t.Fatalf("no sample of type %s for %s", name, f.Name)
			}
			nulls := f.AggKind == 0 && !strings.Contains(f.Name, "object") && !strings.HasPrefix(name, "anyarray")
			if nulls {
				sample = "CASE WHEN id % 6 <> 5 THEN " + sample + " END"
			}
			args = append(args, sample)
		}
		if enum {
			continue
		}
		calls = append(calls, aggregateCall(f, args))
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// aggregateCall writes a call: in an order where the value depends on it, and rounded
// where it depends on how floats are added.
func aggregateCall(f *catalog.Function, args []string) string {
	switch {
	case f.AggKind == catalog.HypotheticalSet:
		return f.Name + "(2) WITHIN GROUP (ORDER BY id % 5)"
	case f.AggKind == catalog.OrderedSet:
		if len(args) == f.Direct {
			args = append(args, "id % 5")
		}
		return f.Name + "(" + strings.Join(args[:f.Direct], ", ") + ") WITHIN GROUP (ORDER BY " + strings.Join(args[f.Direct:], ", ") + ")"
	case strings.Contains(f.Name, "object"):
		return f.Name + "(id, id % 3 ORDER BY id)"
	case f.Name == "any_value":
		return "any_value(0 * id)"
	case strings.HasSuffix(f.Name, "_agg") || strings.HasSuffix(f.Name, "_agg_strict"):
		return f.Name + "(" + strings.Join(args, ", ") + " ORDER BY id)"
	case len(args) == 0:
		return f.Name + "(*)"
	}
	call := f.Name + "(" + strings.Join(args, ", ") + ")"
	if ret := types.Lookup(f.Ret).Name; ret == "float8" || ret == "float4" {
		return "round((" + call + ")::numeric, 6)"
	}
	return call
}

// TestEveryAggregate: over rows that are taken back, in sessions that merge, in slices
// of windows and in two phases every aggregate gives, through kills and with any
// number of tasks, what the bounded query gives.
func TestEveryAggregate(t *testing.T) {
	goleakAfter(t)
	for i, q := range []struct{ query, emit string }{
		{"SELECT id % 2 AS g, %s FROM (SELECT name, id % 4 AS m, max(id) AS id FROM e GROUP BY name, id % 4) x GROUP BY g", " EMIT CHANGES"},
		{"SELECT name, %s FROM e GROUP BY name", " EMIT CHANGES"},
		{"SELECT name, window_start, %s FROM e WINDOW SESSION (INTERVAL '3 seconds') GROUP BY name", ""},
		{"SELECT name, window_end, %s FROM e WINDOW SESSION (INTERVAL '3 seconds') GROUP BY name", " EMIT CHANGES"},
		{"SELECT name, window_end, %s FROM e WINDOW HOPPING (INTERVAL '15 seconds', INTERVAL '5 seconds') GROUP BY name", ""},
		{"SELECT window_end, %s FROM e WINDOW TUMBLING (INTERVAL '10 seconds')", ""},
	} {
		for n, some := range slices.Collect(slices.Chunk(aggregateCalls(t), 60)) {
			t.Run(fmt.Sprintf("%d/%d", i, n), func(t *testing.T) {
				named := make([]string, len(some))
				for i, call := range some {
					named[i] = fmt.Sprintf("%s AS a%d", call, i)
				}
				query := strings.Replace(q.query, "%s", strings.Join(named, ", "), 1)
				killStateful(t, query, q.emit, q.emit == "", uint64(i*10+n), func(rng *rand.Rand) int { return 1 + rng.IntN(3) })
			})
		}
	}
}
