package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

var publicPath = SearchPath([]string{"$user", "public"}, "alice", "")

func openCatalog(t *testing.T) *Catalog {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c, err := Open(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func relation(kind Kind, name string, dependsOn ...types.OID) *Relation {
	return &Relation{
		Schema: "public", Name: name, Kind: kind, Owner: "alice", DependsOn: dependsOn,
		Columns: []Column{{Name: "a", Type: types.Of(types.Int4)}, {Name: "b", Type: types.Of(types.Text)}},
	}
}

func create(t *testing.T, tx *Tx, r *Relation) *Relation {
	t.Helper()
	if _, _, err := tx.CreateRelation(r, false, false); err != nil {
		t.Fatalf("creating %s: %v", r.Name, err)
	}
	return r
}

func commit(t *testing.T, tx *Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// message is what a client would see of an error or notice.
func message(err error) string {
	if err == nil {
		return ""
	}
	e := sqlerr.From(err)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Code, e.Message)
	if e.Detail != "" {
		b.WriteString("\nDETAIL: " + e.Detail)
	}
	if e.Hint != "" {
		b.WriteString("\nHINT: " + e.Hint)
	}
	return b.String()
}

func messages(notices []*sqlerr.Error) []string {
	var all []string
	for _, n := range notices {
		all = append(all, n.Severity+" "+message(n))
	}
	return all
}

func names(s *Snapshot) []string {
	var all []string
	for _, r := range s.Relations() {
		all = append(all, r.Schema+"."+r.Name)
	}
	for _, j := range s.Jobs() {
		all = append(all, "job "+j.Name)
	}
	return all
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestChangesAreOnesOwnUntilCommit(t *testing.T) {
	c := openCatalog(t)
	tx, other := c.Begin(), c.Begin()
	create(t, tx, relation(Stream, "trades"))
	expect(t, "own", names(tx.Snapshot()), []string{"public.trades"})
	expect(t, "another's", names(other.Snapshot()), nil)
	before := c.Snapshot()
	commit(t, tx)
	expect(t, "after commit", names(c.Snapshot()), []string{"public.trades"})
	expect(t, "a snapshot taken before", names(before), nil)
	if v := c.Snapshot().Version; v != before.Version+1 {
		t.Errorf("version %d after %d", v, before.Version)
	}
	if err := tx.Commit(); err == nil {
		t.Error("a transaction was committed twice")
	}
}

func TestRollbackToMark(t *testing.T) {
	c := openCatalog(t)
	tx := c.Begin()
	create(t, tx, relation(Stream, "kept"))
	mark := tx.Mark()
	create(t, tx, relation(Stream, "undone"))
	if _, _, err := tx.DropRelations(Stream, []Name{{Name: "kept"}}, false, false, publicPath); err != nil {
		t.Fatal(err)
	}
	taken := tx.Snapshot()
	tx.RollbackTo(mark)
	expect(t, "after RollbackTo", names(tx.Snapshot()), []string{"public.kept"})
	expect(t, "snapshot from before it", names(taken), []string{"public.undone"})
	create(t, tx, relation(Stream, "undone"))
	commit(t, tx)
	expect(t, "committed", names(c.Snapshot()), []string{"public.kept", "public.undone"})
}

func TestConcurrentCommits(t *testing.T) {
	c := openCatalog(t)
	a, b, same := c.Begin(), c.Begin(), c.Begin()
	create(t, a, relation(Stream, "a"))
	create(t, b, relation(Stream, "b"))
	create(t, same, relation(Stream, "a"))
	commit(t, a)
	commit(t, b)
	expect(t, "both", names(c.Snapshot()), []string{"public.a", "public.b"})
	expect(t, "the same name", message(same.Commit()), `42P07 relation "a" already exists`)

	// A view of what another transaction drops.
	viewer, dropper := c.Begin(), c.Begin()
	create(t, viewer, relation(View, "v", c.Snapshot().Relation("public", "a").OID))
	if _, _, err := dropper.DropRelations(Stream, []Name{{Name: "a"}}, false, false, publicPath); err != nil {
		t.Fatal(err)
	}
	commit(t, dropper)
	expect(t, "view of a dropped stream", sqlerr.CodeOf(viewer.Commit()), sqlerr.SerializationFailure)

	// A DROP that would now take along more than it said.
	viewer, dropper = c.Begin(), c.Begin()
	create(t, viewer, relation(View, "v", c.Snapshot().Relation("public", "b").OID))
	if _, _, err := dropper.DropRelations(Stream, []Name{{Name: "b"}}, false, true, publicPath); err != nil {
		t.Fatal(err)
	}
	commit(t, viewer)
	expect(t, "drop that grew", sqlerr.CodeOf(dropper.Commit()), sqlerr.SerializationFailure)
	expect(t, "nothing of it happened", names(c.Snapshot()), []string{"public.b", "public.v"})
}

func TestCreateSaysWhatPostgreSQLSays(t *testing.T) {
	c := openCatalog(t)
	tx := c.Begin()
	create(t, tx, relation(Stream, "s"))
	create(t, tx, relation(View, "v", 16384))
	tests := []struct {
		name              string
		r                 *Relation
		exists, orReplace bool
		want              string
	}{
		{"taken", relation(Stream, "s"), false, false, `42P07 relation "s" already exists`},
		{"if not exists", relation(Stream, "s"), true, false, `NOTICE 42P07 relation "s" already exists, skipping`},
		{"replace by another kind", relation(Sink, "s"), false, true, `42809 "s" is not a sink`},
		{"replace by its own reader", relation(Stream, "s", 16385), false, true,
			`42P17 infinite recursion detected in the definition of stream "s"`},
		{"no schema", &Relation{Schema: "nope", Name: "x", Kind: Stream}, false, false, `3F000 schema "nope" does not exist`},
		{"system schema", &Relation{Schema: "pg_catalog", Name: "x", Kind: Stream}, false, false,
			"42501 permission denied to create \"pg_catalog.x\"\nDETAIL: System catalog modifications are currently disallowed."},
		{"column twice", &Relation{Schema: "public", Name: "x", Kind: Stream, Columns: []Column{{Name: "a"}, {Name: "a"}}}, false, false,
			`42701 column "a" specified more than once`},
		{"too many columns", &Relation{Schema: "public", Name: "x", Kind: Stream, Columns: make([]Column, MaxColumns+1)}, false, false,
			`54011 tables can have at most 1600 columns`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mark := tx.Mark()
			created, notices, err := tx.CreateRelation(test.r, test.exists, test.orReplace)
			got := message(err)
			if len(notices) > 0 {
				got = strings.Join(messages(notices), "\n")
			}
			if created || got != test.want || tx.Mark() != mark {
				t.Errorf("created %v, %s; want %s", created, got, test.want)
			}
		})
	}
}

func TestReplaceKeepsOIDAndColumnsThatAreRead(t *testing.T) {
	c := openCatalog(t)
	tx := c.Begin()
	s := create(t, tx, relation(Stream, "s"))
	alone := relation(Stream, "s")
	alone.Columns = []Column{{Name: "other", Type: types.Of(types.Int8)}}
	if _, _, err := tx.CreateRelation(alone, false, true); err != nil || alone.OID != s.OID {
		t.Fatalf("replaced: OID %d %v, want %d", alone.OID, err, s.OID)
	}
	back := relation(Stream, "s")
	if _, _, err := tx.CreateRelation(back, false, true); err != nil {
		t.Fatal(err)
	}
	create(t, tx, relation(View, "v", s.OID))
	for _, test := range []struct {
		columns []Column
		want    string
	}{
		{[]Column{{Name: "a", Type: types.Of(types.Int4)}}, "42P16 cannot drop columns from stream"},
		{[]Column{{Name: "a", Type: types.Of(types.Int4)}, {Name: "c", Type: types.Of(types.Text)}},
			`42P16 cannot change name of stream column "b" to "c"`},
		{[]Column{{Name: "a", Type: types.Of(types.Int8)}, {Name: "b", Type: types.Of(types.Text)}},
			`42P16 cannot change data type of stream column "a" from integer to bigint`},
		{[]Column{{Name: "a", Type: types.Of(types.Int4)}, {Name: "b", Type: types.Of(types.Text)}, {Name: "c"}}, ""},
	} {
		r := relation(Stream, "s")
		r.Columns = test.columns
		_, _, err := tx.CreateRelation(r, false, true)
		expect(t, "replacing what a view reads", message(err), test.want)
	}
	commit(t, tx)
	if r := c.Snapshot().Relation("public", "s"); r.OID != s.OID || len(r.Columns) != 3 {
		t.Errorf("committed: OID %d, %d columns; want %d, 3", r.OID, len(r.Columns), s.OID)
	}
}

// TestReplaceByAnother: who replaces a relation owns it when that is committed.
func TestReplaceByAnother(t *testing.T) {
	c := openCatalog(t)
	c.RequireRoles()
	tx := c.Begin()
	for _, name := range []string{"ann", "bob"} {
		if err := tx.CreateRole(NewRole(name)); err != nil {
			t.Fatal(err)
		}
	}
	mine := relation(Stream, "s")
	mine.Owner = "ann"
	create(t, tx, mine)
	commit(t, tx)
	by := func(tx *Tx, owner string) error {
		r := relation(Stream, "s")
		r.Owner = owner
		_, _, err := tx.CreateRelation(r, false, true)
		return err
	}
	expect(t, "replacing another's", message(by(c.Begin(), "bob")), "42501 must be owner of stream s")
	tx = c.Begin()
	if err := by(tx, "ann"); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	if r := c.Snapshot().Relation("public", "s"); r.Owner != "ann" {
		t.Errorf("replaced, the stream is %q's, want ann's", r.Owner)
	}
}

func TestDropAndItsDependents(t *testing.T) {
	// One stream, two views of it, a view of one of those, a job over that with
	// a sink of its own and one declared apart.
	build := func(t *testing.T) (*Catalog, *Tx) {
		c := openCatalog(t)
		tx := c.Begin()
		s := create(t, tx, relation(Stream, "s"))
		v1 := create(t, tx, relation(View, "v1", s.OID))
		create(t, tx, relation(View, "v2", s.OID))
		v3 := create(t, tx, relation(View, "v3", v1.OID))
		own := relation(Sink, "own")
		own.Job = "copy"
		create(t, tx, own)
		create(t, tx, relation(Sink, "apart"))
		j := &Job{Name: "copy", Sinks: []string{"public.own", "public.apart"}, DependsOn: []types.OID{v3.OID}}
		if _, _, _, err := tx.CreateJob(j, false, false); err != nil {
			t.Fatal(err)
		}
		return c, tx
	}
	tests := []struct {
		name     string
		drop     func(*Tx) (Dropped, []*sqlerr.Error, error)
		err      string
		notices  []string
		leftover []string
	}{
		{
			name: "restrict",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Stream, []Name{{Name: "s"}}, false, false, publicPath)
			},
			err: "2BP01 cannot drop stream s because other objects depend on it\n" +
				"DETAIL: view v1 depends on stream s\nview v3 depends on view v1\njob copy depends on view v3\nview v2 depends on stream s\n" +
				"HINT: Use DROP ... CASCADE to drop the dependent objects too.",
		},
		{
			name: "restrict, unqualified names not found",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(View, []Name{{"public", "v1"}, {"public", "v2"}}, false, false, []string{"pg_catalog"})
			},
			err: "2BP01 cannot drop desired object(s) because other objects depend on them\n" +
				"DETAIL: view public.v3 depends on view public.v1\njob copy depends on view public.v3\n" +
				"HINT: Use DROP ... CASCADE to drop the dependent objects too.",
		},
		{
			name: "cascade",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Stream, []Name{{Name: "s"}}, false, true, publicPath)
			},
			notices: []string{"NOTICE 00000 drop cascades to 4 other objects\nDETAIL: drop cascades to view v1\ndrop cascades to view v3\n" +
				"drop cascades to job copy\ndrop cascades to view v2"},
			leftover: []string{"public.apart"},
		},
		{
			name: "all that stands in the way is named too",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Stream, []Name{{Name: "s"}, {Name: "v2"}}, false, true, publicPath)
			},
			notices: []string{"NOTICE 00000 drop cascades to 3 other objects\nDETAIL: drop cascades to view v1\ndrop cascades to view v3\n" +
				"drop cascades to job copy"},
			leftover: []string{"public.apart"},
		},
		{
			name: "one dependent",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(View, []Name{{Name: "v3"}}, false, true, publicPath)
			},
			notices:  []string{"NOTICE 00000 drop cascades to job copy"},
			leftover: []string{"public.apart", "public.s", "public.v1", "public.v2"},
		},
		{
			name:     "a job takes the sinks it declared",
			drop:     func(tx *Tx) (Dropped, []*sqlerr.Error, error) { return tx.DropJob("copy", false, false, publicPath) },
			leftover: []string{"public.apart", "public.s", "public.v1", "public.v2", "public.v3"},
		},
		{
			name: "a sink is its job's",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Sink, []Name{{Name: "own"}}, false, true, publicPath)
			},
			err: "2BP01 cannot drop sink own because job copy requires it\nHINT: You can drop job copy instead.",
		},
		{
			name: "a sink that a job writes to",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Sink, []Name{{Name: "apart"}}, false, false, publicPath)
			},
			err: "2BP01 cannot drop sink apart because other objects depend on it\nDETAIL: job copy depends on sink apart\n" +
				"HINT: Use DROP ... CASCADE to drop the dependent objects too.",
		},
		{
			name: "schema",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropSchemas([]string{"public"}, false, true, publicPath)
			},
			notices: []string{"NOTICE 00000 drop cascades to 6 other objects\nDETAIL: drop cascades to stream s\ndrop cascades to view v1\n" +
				"drop cascades to view v2\ndrop cascades to view v3\ndrop cascades to sink apart\ndrop cascades to job copy"},
		},
		{
			name: "missing",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Stream, []Name{{Name: "x"}}, false, false, publicPath)
			},
			err: `42P01 stream "x" does not exist`,
		},
		{
			name: "if exists",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Stream, []Name{{Name: "x"}, {"no", "x"}, {"public", "x"}}, true, false, publicPath)
			},
			notices: []string{`NOTICE 00000 stream "x" does not exist, skipping`, `NOTICE 00000 schema "no" does not exist, skipping`,
				`NOTICE 00000 stream "x" does not exist, skipping`},
			leftover: []string{"public.apart", "public.own", "public.s", "public.v1", "public.v2", "public.v3", "job copy"},
		},
		{
			name: "wrong kind",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropRelations(Sink, []Name{{Name: "s"}}, true, false, publicPath)
			},
			err: "42809 \"s\" is not a sink\nHINT: Use DROP STREAM to remove a stream.",
		},
		{
			name: "system schema",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) {
				return tx.DropSchemas([]string{"pg_catalog"}, false, true, publicPath)
			},
			err: "2BP01 cannot drop schema pg_catalog because it is required by the database system",
		},
		{
			name: "job missing",
			drop: func(tx *Tx) (Dropped, []*sqlerr.Error, error) { return tx.DropJob("x", false, false, publicPath) },
			err:  "42704 job \"x\" does not exist\nHINT: SHOW JOBS lists them.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, tx := build(t)
			_, notices, err := test.drop(tx)
			expect(t, "error", message(err), test.err)
			expect(t, "notices", messages(notices), test.notices)
			if err != nil {
				return
			}
			commit(t, tx)
			expect(t, "leftover", names(c.Snapshot()), test.leftover)
		})
	}
}

func TestDroppedTellsWhichJobsToStop(t *testing.T) {
	c := openCatalog(t)
	tx := c.Begin()
	s := create(t, tx, relation(Stream, "s"))
	own := relation(Sink, "own")
	own.Job = "j"
	create(t, tx, own)
	j := &Job{Name: "j", Sinks: []string{"public.own"}, DependsOn: []types.OID{s.OID}}
	if _, _, _, err := tx.CreateJob(j, false, false); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	tx = c.Begin()
	d, _, err := tx.DropRelations(Stream, []Name{{Name: "s"}}, false, true, publicPath)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Jobs) != 1 || d.Jobs[0].UUID != j.UUID || !slices.ContainsFunc(d.Relations, func(r *Relation) bool { return r.Name == "own" }) {
		t.Errorf("dropped %+v, want job j and its sink", d)
	}
}

func TestJobs(t *testing.T) {
	c := openCatalog(t)
	tx := c.Begin()
	first := &Job{Name: "j", State: JobRunning}
	if _, _, _, err := tx.CreateJob(first, false, false); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	if first.OID < FirstOID || first.UUID == [16]byte{} {
		t.Fatalf("job has OID %d and UUID %x", first.OID, first.UUID)
	}
	tx = c.Begin()
	_, _, _, err := tx.CreateJob(&Job{Name: "j"}, false, false)
	expect(t, "taken", message(err), `42710 job "j" already exists`)
	_, created, notices, err := tx.CreateJob(&Job{Name: "j"}, true, false)
	if created || err != nil {
		t.Errorf("IF NOT EXISTS: created %v, %v", created, err)
	}
	expect(t, "if not exists", messages(notices), []string{`NOTICE 42710 job "j" already exists, skipping`})

	// Two transactions change one job's state and error.
	other := c.Begin()
	if err := tx.UpdateJob("j", func(j *Job) { j.State = JobStopped }); err != nil {
		t.Fatal(err)
	}
	if err := other.UpdateJob("j", func(j *Job) { j.Failure.Message = "broker gone" }); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	commit(t, other)
	want := *first
	want.State, want.Failure.Message = JobStopped, "broker gone"
	expect(t, "job", *c.Snapshot().Job("j"), want)

	// A job replaced is another: who still changes the old one is refused.
	tx, other = c.Begin(), c.Begin()
	second := &Job{Name: "j", State: JobRunning}
	replaced, _, _, err := tx.CreateJob(second, false, true)
	if err != nil || replaced.UUID != first.UUID {
		t.Fatalf("replaced %+v, %v", replaced, err)
	}
	if err := other.UpdateJob("j", func(j *Job) { j.State = JobFailed }); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	if second.OID != first.OID || second.UUID == first.UUID {
		t.Errorf("replacing: OID %d, UUID %x; was %d, %x", second.OID, second.UUID, first.OID, first.UUID)
	}
	expect(t, "late change", sqlerr.CodeOf(other.Commit()), sqlerr.SerializationFailure)
	expect(t, "no such job", message(c.Begin().UpdateJob("x", func(*Job) {})), "42704 job \"x\" does not exist\nHINT: SHOW JOBS lists them.")
}

func TestSchemas(t *testing.T) {
	c := openCatalog(t)
	tx := c.Begin()
	if _, _, err := tx.CreateSchema("app", "alice", false); err != nil {
		t.Fatal(err)
	}
	_, _, err := tx.CreateSchema("app", "alice", false)
	expect(t, "taken", message(err), `42P06 schema "app" already exists`)
	_, notices, err := tx.CreateSchema("app", "alice", true)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "if not exists", messages(notices), []string{`NOTICE 42P06 schema "app" already exists, skipping`})
	_, _, err = tx.CreateSchema("pg_x", "alice", false)
	expect(t, "reserved", message(err), "42939 unacceptable schema name \"pg_x\"\nDETAIL: The prefix \"pg_\" is reserved for system schemas.")
	commit(t, tx)

	for _, test := range []struct {
		setting    []string
		user, temp string
		path       []string
	}{
		{[]string{"$user", "public"}, "alice", "", []string{"pg_catalog", "alice", "public"}},
		{[]string{"$user", "public"}, "app", "pg_temp_3", []string{"pg_temp_3", "pg_catalog", "app", "public"}},
		{[]string{"public", "pg_catalog", "pg_temp"}, "app", "pg_temp_3", []string{"public", "pg_catalog", "pg_temp_3"}},
		{[]string{"pg_temp"}, "app", "", []string{"pg_catalog"}},
	} {
		expect(t, "path", SearchPath(test.setting, test.user, test.temp), test.path)
	}
}

func TestTemporaryRelations(t *testing.T) {
	c := openCatalog(t)
	temp := TempSchema(7)
	tx := c.Begin()
	r := relation(Stream, "scratch")
	r.Schema = temp
	create(t, tx, r)
	_, _, err := tx.CreateRelation(relation(View, "v", r.OID), false, false)
	expect(t, "permanent view of a temporary stream", sqlerr.CodeOf(err), sqlerr.FeatureNotSupported)
	commit(t, tx)
	if c.Snapshot().Resolve(SearchPath([]string{"public"}, "alice", temp), "scratch") != r {
		t.Error("the session does not find its temporary stream")
	}
	if c.Snapshot().Resolve(SearchPath([]string{"public"}, "alice", TempSchema(8)), "scratch") != nil {
		t.Error("another session finds it unqualified")
	}
	again, err := Open(c.store, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "stored", names(again.Snapshot()), nil)
	for range 2 {
		tx := c.Begin()
		if _, _, err := tx.DropSchemas([]string{temp}, true, true, nil); err != nil {
			t.Fatal(err)
		}
		commit(t, tx)
		expect(t, "after the session", names(c.Snapshot()), nil)
	}
}

func TestReopenBringsAllBack(t *testing.T) {
	dir := t.TempDir()
	store, err := state.Open(state.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	tx := c.Begin()
	if _, _, err := tx.CreateSchema("app", "alice", false); err != nil {
		t.Fatal(err)
	}
	full := golden.relation()
	full.DependsOn = nil
	s := create(t, tx, full)
	gone := create(t, tx, relation(Stream, "gone"))
	if err := tx.Comment(Commented{Relation: gone.OID, Attribute: 2}, "a comment"); err != nil {
		t.Fatal(err)
	}
	job := golden.job()
	job.DependsOn = []types.OID{s.OID}
	if _, _, _, err := tx.CreateJob(job, false, false); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	tx = c.Begin()
	if _, _, err := tx.DropRelations(Stream, []Name{{Name: "gone"}}, false, false, publicPath); err != nil {
		t.Fatal(err)
	}
	commit(t, tx)
	tx = c.Begin()
	for _, name := range []string{"settled", "owed"} {
		if err := tx.Owe(&Job{UUID: state.NewID(), Name: name}, full); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, tx)
	tx = c.Begin()
	for range 2 {
		if err := tx.Settle(c.Snapshot().Owed()[0]); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, tx)
	before := c.Snapshot()
	if all := before.Owed(); len(all) != 1 || all[0].Name != "owed" {
		t.Errorf("%d are owed, want what was not settled", len(all))
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if store, err = state.Open(state.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if c, err = Open(store, nil); err != nil {
		t.Fatal(err)
	}
	after := c.Snapshot()
	expect(t, "schemas", after.Schemas(), before.Schemas())
	expect(t, "relations", after.Relations(), before.Relations())
	expect(t, "jobs", after.Jobs(), before.Jobs())
	expect(t, "owed", after.Owed(), before.Owed())

	tx = c.Begin()
	if fresh := create(t, tx, relation(Stream, "fresh")); fresh.OID <= job.OID {
		t.Errorf("OID %d was given after %d", fresh.OID, job.OID)
	}
}

func TestFailedStoreWriteChangesNothing(t *testing.T) {
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	c, err := Open(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	tx := c.Begin()
	r := relation(Stream, "big")
	r.Text = strings.Repeat("x", state.MaxValue)
	create(t, tx, r)
	var size *state.SizeError
	if err := tx.Commit(); !errors.As(err, &size) {
		t.Fatalf("Commit of a huge statement: %v, want a SizeError", err)
	}
	expect(t, "published", names(c.Snapshot()), nil)
}
