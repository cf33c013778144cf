package pgcatalog

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

var day = time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)

// sample is a catalog with an object of each kind.
func sample(t *testing.T, virtual ...*catalog.Relation) *catalog.Snapshot {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	eq := &catalog.Function{OID: 65, Name: "int4eq", Args: []types.OID{types.Int4, types.Int4}, Ret: types.Bool, Kind: catalog.Scalar, Strict: true, Volatility: 'i'}
	c, err := catalog.Open(store, &catalog.Builtins{
		Functions: []*catalog.Function{
			eq,
			{OID: 1397, Name: "abs", Args: []types.OID{types.Int4}, Ret: types.Int4, Kind: catalog.Scalar, Strict: true, Volatility: 'i', Help: "absolute value"},
			{OID: 3058, Name: "concat", Args: []types.OID{types.Any}, Variadic: true, Ret: types.Text, Kind: catalog.Scalar, Volatility: 's'},
			{OID: 2147, Name: "count", Args: []types.OID{types.Any}, Ret: types.Int8, Kind: catalog.Aggregate, Volatility: 'i'},
			{
				Schema: "ferris", Name: "splits_of", Args: []types.OID{types.Text, types.Int4}, ArgNames: []string{"stream", "most"}, Optional: 1,
				Ret: types.Record, Set: true, Kind: catalog.Scalar, Volatility: 'v',
				Out: []catalog.Column{{Name: "split", Type: types.Of(types.Text)}, {Name: "size", Type: types.Of(types.Int8)}},
			},
		},
		Operators: []*catalog.Operator{{OID: 96, Name: "=", Left: types.Int4, Right: types.Int4, Result: types.Bool, Func: eq, Commutator: "="}},
		Casts: []*catalog.Cast{
			{Source: types.Int4, Target: types.Text, Context: 'a'},
			{Source: types.Varchar, Target: types.Text, Binary: true, Context: 'i'},
		},
	}, virtual...)
	if err != nil {
		t.Fatal(err)
	}
	c.RequireRoles()
	tx := c.Begin()
	stream := &catalog.Relation{
		Schema: "public", Name: "trades", Kind: catalog.Stream, Owner: "alice", Connector: "kafka",
		Columns: []catalog.Column{
			{Name: "id", Type: types.Of(types.Int8), NotNull: true, Comment: "a key"},
			{Name: "price", Type: types.Type{OID: types.Numeric, Mod: (18<<16 | 4) + 4}, Default: "0.5"},
			{Name: "venue", Type: types.Type{OID: types.Varchar, Mod: 14}},
			{Name: "ts", Type: types.Type{OID: types.Timestamptz, Mod: 3}, Generated: "to_timestamp(id)"},
			{Name: "tags", Type: types.Of(textArray)},
		},
		Hidden:    []catalog.Column{{Name: "_offset", Type: types.Of(types.Int8)}},
		Options:   catalog.Options{{Key: "topic", Value: "trades"}, {Key: "sasl.password", Value: "hunter2"}},
		Watermark: &catalog.Watermark{Column: "ts", Expr: "ts - INTERVAL '5 seconds'"},
		Text:      "CREATE STREAM trades (...) WITH ('topic' = 'trades', 'sasl.password' = 'hunter2')",
		Comment:   "ticks",
	}
	must(t)(tx.CreateRelation(stream, false, false))
	must(t)(tx.CreateRelation(&catalog.Relation{
		Schema: "public", Name: "cheap", Kind: catalog.View, Owner: "bob", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}},
		Query: "SELECT id FROM trades WHERE price < 1", Text: "CREATE STREAM cheap AS SELECT id FROM trades WHERE price < 1",
		DependsOn: []types.OID{stream.OID},
	}, false, false))
	must(t)(tx.CreateRelation(&catalog.Relation{
		Schema: "public", Name: "out", Kind: catalog.Sink, Owner: "alice", Connector: "file", Job: "copy",
		Options: catalog.Options{{Key: "path", Value: "/data/out"}},
	}, false, false))
	job := &catalog.Job{Name: "copy", Owner: "alice", Text: "START JOB copy AS SELECT * FROM trades INTO out", Sinks: []string{"public.out"},
		State: catalog.JobRunning, Created: day, DependsOn: []types.OID{stream.OID}}
	if _, _, _, err := tx.CreateJob(job, false, false); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return c.Snapshot()
}

func must(t *testing.T) func(bool, []*sqlerr.Error, error) {
	return func(_ bool, _ []*sqlerr.Error, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// server provides one of everything.
type server struct{}

func (server) Settings() []Setting {
	return []Setting{{Name: "TimeZone", Value: "UTC", Category: "Client Connection Defaults", Help: "time zone", Context: "user", Type: "string",
		Source: "default", Boot: "GMT", Reset: "UTC", Enum: []string{"a", "b c"}}}
}

func (server) Cursors() []Cursor {
	return []Cursor{{Name: "c", Statement: "DECLARE c CURSOR FOR SELECT 1", Hold: true, Created: day}}
}

func (server) PreparedStatements() []PreparedStatement {
	return []PreparedStatement{{Name: "p", Statement: "SELECT $1", Prepared: day, Params: []types.OID{types.Int4}, FromSQL: true}}
}

func (server) Sessions() []SessionStatus {
	return []SessionStatus{{PID: 42, Database: "ferris", User: "carol", ApplicationName: "psql", ClientAddr: "10.0.0.1", ClientPort: 5000,
		Started: day, State: "active", Query: "SELECT 1"}}
}

func (server) Locks() []LockStatus {
	return []LockStatus{{PID: 42, Class: 1, Object: 2, SubID: 2, Mode: "ExclusiveLock", Granted: true}, {PID: 41, Object: 7, SubID: 1, Mode: "ShareLock", Waiting: day}}
}

func (server) Jobs() []JobStatus {
	return []JobStatus{{Name: "copy", State: catalog.JobFailed, Failure: catalog.Failure{Code: "08006", Message: "broker gone", Detail: "It was at kafka:9092.", Hint: "Start it."}, Epoch: 7, Started: day, Restarts: 2, RowsIn: 10, RowsOut: 9, Rejected: 1}}
}

func (server) Splits() []SplitStatus {
	lag := int64(3)
	return []SplitStatus{{Job: "copy", Stream: "public.trades", Split: "0", Position: "17", End: "20", Lag: &lag}}
}

func (server) Watermarks() []WatermarkStatus {
	return []WatermarkStatus{{Job: "copy", Stream: "public.trades", Split: "0", Micros: 1}, {Job: "copy", Stream: "public.trades", Micros: -1}}
}

func (server) Results() []JobResult { return []JobResult{{"j1", "finished", `{"n": 1}`}} }

func (server) ViewProblem(*catalog.Snapshot, string, *catalog.Relation) string { return "" }

func (server) Connectors() []Connector {
	return []Connector{{Name: "kafka", Source: true, Sink: true, Options: []ConnectorOption{
		{Role: "source", Key: "topic", Aliases: []string{"topic.name"}, Required: true, Help: "the topic"}}}}
}

// show writes a row as column=value, NULLs and zeros of NOT NULL columns left out.
func show(r *catalog.Relation, row []types.Value) string {
	var words []string
	for i, c := range r.Columns {
		v := row[i]
		if v.Null || c.NotNull && plain(v) {
			continue
		}
		words = append(words, c.Name+"="+text(v))
	}
	return strings.Join(words, " ")
}

func plain(v types.Value) bool {
	return v.I == 0 && v.F == 0 && v.S == "" && (v.A == nil || len(v.A.Elems) == 0)
}

func text(v types.Value) string {
	info := types.Lookup(v.Type.OID)
	switch {
	case v.A != nil:
		var elems []string
		for _, e := range v.A.Elems {
			elems = append(elems, text(e))
		}
		return fmt.Sprintf("%d:[%s]", lower(v.A), strings.Join(elems, " "))
	case info.Phys == types.PhysBytes:
		return fmt.Sprintf("%q", v.S)
	case info.Phys == types.PhysUUID:
		return "(a uuid)"
	case info.Phys == types.PhysFloat32 || info.Phys == types.PhysFloat64:
		return fmt.Sprint(v.F)
	}
	return fmt.Sprint(v.I)
}

func lower(a *types.Array) int32 {
	if len(a.Dims) == 0 {
		return 1
	}
	return a.Dims[0].Lower
}

// TestRows has the rows of every relation that has any, over the sample, without
// those of the virtual relations themselves; pg_type and the time zones in part.
func TestRows(t *testing.T) {
	c := &Context{
		Snapshot: sample(t), Database: "ferris", User: "alice", Session: server{},
		Server: &Server{Sessions: server{}, Jobs: server{}, Connectors: server{}},
	}
	var b strings.Builder
	names := make([]string, 0, len(tables))
	for name := range tables {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		r := relations(t)[name]
		fmt.Fprintf(&b, "# %s\n", name)
		for row := range Rows(c, r) {
			if name == "pg_catalog.pg_type" && !slices.Contains([]int64{16, 23, 25, 1007, 1700}, row[0].I) {
				continue
			}
			if strings.HasPrefix(name, "pg_catalog.pg_timezone_") && row[0].S != "UTC" {
				continue // their offsets are of the day
			}
			check(t, r, row)
			b.WriteString(show(r, row) + "\n")
		}
	}
	const path = "testdata/rows.txt"
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}

// check holds a row against its relation.
func check(t *testing.T, r *catalog.Relation, row []types.Value) {
	t.Helper()
	all := r.AllColumns()
	if len(row) != len(all) {
		t.Fatalf("%s: a row of %d values for %d columns", r.Name, len(row), len(all))
	}
	for i, c := range all {
		if row[i].Type != c.Type {
			t.Errorf("%s.%s has type %v, its value %v", r.Name, c.Name, c.Type, row[i].Type)
		}
		if c.NotNull && row[i].Null {
			t.Errorf("%s.%s is NULL", r.Name, c.Name)
		}
		if phys(c.Type.OID) == types.PhysList && !row[i].Null && row[i].A == nil {
			t.Errorf("%s.%s is an array without a value", r.Name, c.Name)
		}
	}
}

// TestRowsOfTheCatalogsThemselves: the virtual relations are in pg_class and
// pg_attribute, and nothing is missing without providers.
func TestRowsOfTheCatalogsThemselves(t *testing.T) {
	c := &Context{Snapshot: sample(t, Relations()...), Database: "ferris", User: "alice"}
	attributes := map[int64]int{}
	for row := range Rows(c, relations(t)["pg_catalog.pg_attribute"]) {
		attributes[row[0].I]++
	}
	found := 0
	for row := range Rows(c, relations(t)["pg_catalog.pg_class"]) {
		oid := types.OID(row[0].I)
		if r := byOID()[oid]; r != nil {
			found++
			if n := attributes[row[0].I]; n != len(r.AllColumns()) {
				t.Errorf("%s has %d rows in pg_attribute for %d columns", r.Name, n, len(r.AllColumns()))
			}
		}
	}
	if found != len(Relations()) {
		t.Errorf("pg_class has %d of %d virtual relations", found, len(Relations()))
	}
	for _, r := range Relations() {
		for row := range Rows(c, r) {
			check(t, r, row)
		}
	}
}

// TestRowsAboutOne: where the rows about one relation are wanted, or about one index,
// none of them is missing.
func TestRowsAboutOne(t *testing.T) {
	var tables []*catalog.Relation
	for i, name := range []string{"a", "b"} {
		oid := types.OID(60000 + 10*i)
		tables = append(tables, &catalog.Relation{
			OID: oid, Schema: "public", Name: name, Kind: catalog.Table, Owner: "alice",
			Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int4), NotNull: true, Default: "7"}},
			Table: &catalog.TableInfo{Indexes: []*catalog.Index{
				{OID: oid + 1, ConOID: oid + 2, Name: name + "_pkey", Unique: true, Primary: true, Constraint: true, Keys: []catalog.IndexKey{{Type: types.Of(types.Int4)}}},
				{OID: oid + 3, Name: name + "_by", Keys: []catalog.IndexKey{{Type: types.Of(types.Int4)}}},
			}},
		})
	}
	c := &Context{Snapshot: sample(t, Relations()...).With(tables...), Database: "ferris"}
	for name := range abouts {
		rel := relations(t)["pg_catalog."+name]
		column, ok := About(rel)
		if !ok {
			t.Fatalf("%s has no column that says what a row is about", name)
		}
		count := func(c *Context) map[int64]int {
			n := map[int64]int{}
			for row := range Rows(c, rel) {
				n[row[column].I]++
			}
			return n
		}
		all := count(c)
		if len(all) < 2 {
			t.Errorf("%s is about %d relations: too few to tell", name, len(all))
		}
		read := 0
		for oid, want := range all {
			one := *c
			one.About = types.OID(oid)
			got := count(&one)
			if got[oid] != want {
				t.Errorf("%s has %d rows about %d, want %d", name, got[oid], oid, want)
			}
			read += len(got)
		}
		if read > 2*len(all) {
			t.Errorf("%s: %d relations' rows are made where those of %d are wanted", name, read, len(all))
		}
		one := *c
		one.About = 1 // is nothing
		if got := count(&one); len(got) > 0 {
			t.Errorf("%s has rows about nothing: %v", name, got)
		}
	}
	if _, ok := About(relations(t)["pg_catalog.pg_type"]); ok {
		t.Error("pg_type's rows are about relations")
	}
}

func TestReadingStopsEarly(t *testing.T) {
	c := &Context{Snapshot: sample(t, Relations()...), Database: "ferris"}
	n := 0
	for range Rows(c, relations(t)["pg_catalog.pg_class"]) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d rows were read, want 2", n)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for key, secret := range map[string]bool{
		"sasl.password": true, "s3.secret_access_key": true, "out.ssl.key.password": true, "topic": false, "key.format": false, "token": true,
	} {
		if catalog.Secret(key) != secret {
			t.Errorf("Secret(%q) = %v", key, !secret)
		}
	}
	for value, password := range map[string]bool{
		"postgres://u:p@h/db": true, "postgres://u@h/db": false, "host=h password=p": true, "postgres://u@h/db?password=p": true, "jdbc:postgresql://h/db?user=u&pass%77ord=p": true, "postgres://h/db?sslpassword=p": true, "s3://bucket/a:b@c": false, "kafka:9092": false,
	} {
		if urlPassword(value) != password {
			t.Errorf("urlPassword(%q) = %v", value, !password)
		}
	}
}

func TestJobResultsNeedsNoSchema(t *testing.T) {
	s := sample(t, Relations()...)
	r := s.Resolve(catalog.SearchPath([]string{"$user", "public"}, "alice", ""), "job_results")
	if r == nil || r.OID != relations(t)["pg_catalog.job_results"].OID {
		t.Errorf("job_results is %v", r)
	}
}

func TestQueryShown(t *testing.T) {
	s := SessionStatus{User: "carol", Query: "CREATE USER x PASSWORD 'it''s' LOGIN; ALTER ROLE y password E'cut"}
	for user, want := range map[string]string{
		"alice":           "<insufficient privilege>",
		"carol":           "CREATE USER x PASSWORD '********' LOGIN; ALTER ROLE y password '********'",
		catalog.Superuser: "CREATE USER x PASSWORD '********' LOGIN; ALTER ROLE y password '********'",
	} {
		if got := queryShown(&Context{Snapshot: sample(t), User: user}, s); got != want {
			t.Errorf("%s is shown %q, want %q", user, got, want)
		}
	}
}
