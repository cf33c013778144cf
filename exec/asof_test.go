package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// asOfQueries are joins as of a time, and the same without the clause.
var asOfQueries = [][2]string{
	{"SELECT a.id, b.id FROM e a JOIN g FOR SYSTEM_TIME AS OF a.ts AS b ON a.name = b.name",
		"SELECT a.id, b.id FROM e a JOIN LATERAL (SELECT * FROM g WHERE g.name = a.name AND g.ts <= a.ts ORDER BY g.ts DESC LIMIT 1) b ON true"},
	{"SELECT a.id, b.id, b.ts FROM e a LEFT JOIN g b FOR SYSTEM_TIME AS OF a.ts ON a.name = b.name",
		"SELECT a.id, b.id, b.ts FROM e a LEFT JOIN LATERAL (SELECT * FROM g WHERE g.name = a.name AND g.ts <= a.ts ORDER BY g.ts DESC LIMIT 1) b ON true"},
	{"SELECT a.id, b.id FROM e a LEFT JOIN g FOR SYSTEM_TIME AS OF a.ts b ON a.name = b.name AND b.id % 3 <> a.id % 2 WHERE a.id % 5 > 0",
		"SELECT a.id, b.id FROM e a LEFT JOIN LATERAL (SELECT * FROM g WHERE g.name = a.name AND g.ts <= a.ts ORDER BY g.ts DESC LIMIT 1) b ON b.id % 3 <> a.id % 2 WHERE a.id % 5 > 0"},
	{"SELECT a.id, b.id FROM e a JOIN (SELECT id, name, ts FROM g WHERE id % 4 > 0) b FOR SYSTEM_TIME AS OF a.ts ON a.name = b.name WHERE b.id > 9",
		"SELECT a.id, b.id FROM e a JOIN LATERAL (SELECT * FROM g WHERE g.name = a.name AND g.ts <= a.ts AND id % 4 > 0 ORDER BY g.ts DESC LIMIT 1) b ON true WHERE b.id > 9"},
	{"SELECT a.id, b.id FROM e a LEFT JOIN g b FOR SYSTEM_TIME AS OF a.ts ON true",
		"SELECT a.id, b.id FROM e a LEFT JOIN LATERAL (SELECT * FROM g WHERE g.ts <= a.ts AND g.ts IS NOT NULL ORDER BY g.ts DESC LIMIT 1) b ON true"},
}

// TestAsOf: a live join as of event time comes to what a query of the same meaning
// says of what the streams hold, and so does a job that is killed again and again.
func TestAsOf(t *testing.T) {
	goleakAfter(t)
	for i, q := range asOfQueries {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFixture(t)
			rng := rand.New(rand.NewPCG(uint64(i), 13))
			for i, name := range []string{"e", "g"} {
				s := f.events(name)
				s.batch = 1 + rng.IntN(30)
				for id := range int64(200) {
					r := event(id, string(rune('a'+rng.IntN(4))), float64(id)*(0.5+float64(i)*0.1)+rng.Float64()*4.9)
					if rng.IntN(20) == 0 {
						r[1] = types.NullOf(types.Of(types.Text))
					}
					s.add(rng.IntN(3), r)
				}
				s.end()
			}
			want, err := f.sql(q[1], -1)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			for _, emit := range []string{"", " EMIT CHANGES"} {
				got, err := f.sql(q[0]+emit, -1)
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("%s%s gives %d rows\n%s\nwant %d\n%s", q[0], emit, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
				}
			}
		})
		t.Run(fmt.Sprintf("%d/killed", i), func(t *testing.T) {
			t.Parallel() // it mostly waits for epochs
			killJoin(t, q[0], q[1], "", 1, uint64(i))
			killJoin(t, q[0], q[1], "", 3, uint64(i))
		})
	}
}

// TestAsOfRefused: what has no versions, and what is not the left side's time.
func TestAsOfRefused(t *testing.T) {
	f := newFixture(t)
	f.events("e")
	f.events("g")
	f.run("CREATE TABLE t (id bigint PRIMARY KEY, name text)")
	for q, want := range map[string]sqlerr.Code{
		"SELECT * FROM e a JOIN t FOR SYSTEM_TIME AS OF a.ts ON t.id = a.id":                                                  sqlerr.FeatureNotSupported,
		"SELECT * FROM e a RIGHT JOIN g b FOR SYSTEM_TIME AS OF a.ts ON b.id = a.id":                                          sqlerr.FeatureNotSupported,
		"SELECT * FROM e a JOIN g b FOR SYSTEM_TIME AS OF b.ts ON b.id = a.id":                                                sqlerr.FeatureNotSupported,
		"SELECT * FROM e a JOIN g b FOR SYSTEM_TIME AS OF a.id ON b.id = a.id":                                                sqlerr.FeatureNotSupported,
		"SELECT * FROM e a JOIN (SELECT name, count(*) AS n FROM g GROUP BY name) b FOR SYSTEM_TIME AS OF a.ts ON b.n = a.id": sqlerr.InvalidObjectDefinition,
		"SELECT * FROM e FOR SYSTEM_TIME AS OF ts":                                                                            sqlerr.SyntaxError,
		"SELECT * FROM e a JOIN g b FOR SYSTEM_TIME OF a.ts ON b.id = a.id":                                                   sqlerr.SyntaxError,
	} {
		_, err := f.sql(q+" EMIT CHANGES", -1)
		if sqlerr.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", q, err, want)
		}
		if want == sqlerr.FeatureNotSupported && sqlerr.From(err).Hint == "" {
			t.Errorf("%s is refused without a hint", q)
		}
	}
}
