package planner_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestGolden runs testdata/golden: each file has a catalog of its own.
//
//	exec             plans a CREATE STREAM, CREATE SINK or job and keeps it
//	plan [params=23,25] [settings]
//	                 prints what a statement is bound and optimized to, or the error
func TestGolden(t *testing.T) {
	builtins := signatures(t)
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		s := newSession(t, builtins)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "exec":
				return s.exec(d.Input)
			case "plan":
				return s.plan(d)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

type session struct {
	t       *testing.T
	catalog *catalog.Catalog
	cursors map[string][]plan.Field
	done    map[string]*plan.Bound // prepared statements
}

func newSession(t *testing.T, b *catalog.Builtins) *session {
	t.Helper()
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c, err := catalog.Open(store, b, pgcatalog.Relations()...)
	if err != nil {
		t.Fatal(err)
	}
	return &session{t: t, catalog: c, cursors: map[string][]plan.Field{}, done: map[string]*plan.Bound{}}
}

var pseudo = []catalog.Column{
	{Name: "_key", Type: types.Of(types.Bytea)},
	{Name: "_partition", Type: types.Of(types.Int4)},
	{Name: "_offset", Type: types.Of(types.Int8)},
	{Name: "_timestamp", Type: types.Of(types.Timestamptz)},
	{Name: "_headers", Type: types.Of(types.JSONB)},
}

func (s *session) context() *planner.Context {
	snap := s.catalog.Snapshot()
	return &planner.Context{
		Catalog: snap, SearchPath: []string{"public"}, User: "ferris", Database: "ferris",
		Settings: func(string) (string, bool) { return "", false },
		Infer: func(_ context.Context, r *catalog.Relation) ([]catalog.Column, error) {
			if _, ok := r.Options.Get("empty"); ok {
				return nil, sqlerr.Errorf(sqlerr.InvalidTableDefinition, "stream %q is empty", r.Name)
			}
			return []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}, {Name: "name", Type: types.Of(types.Text)}}, nil
		},
		Hidden: func(r *catalog.Relation) []catalog.Column {
			if r.Connector != "kafka" {
				return nil
			}
			if f, _ := r.Options.Get("format"); f == "debezium-json" {
				return append(slices.Clone(pseudo), catalog.Column{Name: "_op", Type: types.Of(types.Text)})
			}
			return pseudo
		},
		Connector: func(name string) (source, sink, ok bool) {
			switch name {
			case "kafka", "file":
				return true, true, true
			case "generator":
				return true, false, true
			case "stdout", "blackhole":
				return false, true, true
			}
			return false, false, false
		},
		Connectors:   []string{"blackhole", "file", "generator", "kafka", "stdout"},
		CursorFields: func(name string) ([]plan.Field, bool) { f, ok := s.cursors[name]; return f, ok },
		Prepared:     func(name string) *plan.Bound { return s.done[name] },
	}
}

func (s *session) exec(text string) string {
	stmts, err := planner.Parse(text)
	if err != nil {
		return showError(err)
	}
	var out strings.Builder
	for _, st := range stmts {
		b, err := planner.Plan(context.Background(), s.context(), st)
		if err != nil {
			return showError(err)
		}
		for _, n := range b.Notices {
			fmt.Fprintf(&out, "NOTICE: %s\n", n.Message)
		}
		if err := s.apply(b); err != nil {
			return showError(err)
		}
	}
	return out.String()
}

// apply keeps what a statement declares.
func (s *session) apply(b *plan.Bound) error {
	tx := s.catalog.Begin()
	create := func(r *catalog.Relation, ifNotExists, orReplace bool) error {
		_, _, err := tx.CreateRelation(r, ifNotExists, orReplace)
		return err
	}
	var err error
	switch x := b.Statement.(type) {
	case *plan.CreateStream:
		if x.Infer {
			x.Relation.Columns, err = s.context().Infer(context.Background(), x.Relation)
		}
		if err == nil {
			err = create(x.Relation, x.IfNotExists, x.OrReplace)
		}
		if x.Job == nil {
			break
		}
		for _, sink := range x.Job.Sinks {
			if err == nil && sink.Declared {
				err = create(sink.Relation, false, x.OrReplace)
			}
		}
	case *plan.CreateSink:
		err = create(x.Relation, x.IfNotExists, x.OrReplace)
	case *plan.CreateSchema:
		_, _, err = tx.CreateSchema(x.Name, "ferris", x.IfNotExists)
	case *plan.CreateTable:
		_, _, err = tx.CreateTable(x.Relation, x.Owned, x.IfNotExists)
	case *plan.CreateSequence:
		_, _, err = tx.CreateSequence(x.Relation, x.IfNotExists)
	case *plan.Prepare:
		s.done[x.Name] = x.Target
	case *plan.DeclareCursor:
		s.cursors[x.Name] = x.Query.Fields
	default:
		return fmt.Errorf("exec cannot keep a %T", x)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (s *session) plan(d *datadriven.TestData) string {
	c := s.context()
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "params":
			for _, v := range a.Vals {
				n, err := strconv.Atoi(v)
				if err != nil {
					s.t.Fatal(err)
				}
				c.ParamTypes = append(c.ParamTypes, types.OID(n))
			}
		case "dialect":
			c.FileDialect = true
		}
	}
	stmts, err := planner.Parse(d.Input)
	if err != nil {
		return showError(err)
	}
	var out strings.Builder
	for _, st := range stmts {
		b, err := planner.Plan(context.Background(), c, st)
		if err != nil {
			out.WriteString(showError(err))
			continue
		}
		show(&out, b)
	}
	return out.String()
}

func showError(err error) string {
	e := sqlerr.From(err)
	var b strings.Builder
	fmt.Fprintf(&b, "ERROR %s: %s\n", e.Code, e.Message)
	if e.Detail != "" {
		fmt.Fprintf(&b, "DETAIL: %s\n", e.Detail)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "HINT: %s\n", e.Hint)
	}
	if e.Position != 0 {
		fmt.Fprintf(&b, "POSITION: %d\n", e.Position)
	}
	if e.Where != "" {
		fmt.Fprintf(&b, "WHERE: %s\n", e.Where)
	}
	return b.String()
}

func show(w *strings.Builder, b *plan.Bound) {
	for _, n := range b.Notices {
		fmt.Fprintf(w, "NOTICE: %s\n", n.Message)
	}
	if b.Params != nil {
		names := make([]string, len(b.Params))
		for i, p := range b.Params {
			names[i] = types.FormatType(p)
		}
		fmt.Fprintf(w, "params: %s\n", strings.Join(names, ", "))
	}
	if b.Fields != nil {
		fmt.Fprintf(w, "fields: %s\n", fields(b.Fields))
	}
	showStatement(w, b.Statement)
}

func fields(fs []plan.Field) string {
	s := make([]string, len(fs))
	for i, f := range fs {
		s[i] = f.Name + " " + types.FormatType(f.Type)
	}
	return strings.Join(s, ", ")
}

func showStatement(w *strings.Builder, st plan.Statement) {
	tree := func(n plan.Node) {
		for _, line := range plan.Text(n) {
			fmt.Fprintln(w, line)
		}
	}
	switch x := st.(type) {
	case *plan.Query:
		if x.Live {
			fmt.Fprintf(w, "live ops=%v\n", x.Ops)
		}
		tree(x.Root)
	case *plan.SelectInto:
		fmt.Fprintf(w, "select into %s options %v\n", sinks(x.Sinks), x.Options)
		tree(x.Root)
	case *plan.Modification:
		fmt.Fprintf(w, "%s\n", x.Word)
		tree(x.Root)
	case *plan.LockTables:
		fmt.Fprintf(w, "lock %d relations, mode %d, nowait %v\n", len(x.Relations), x.Mode, x.NoWait)
	case *plan.CopyFrom:
		fmt.Fprintf(w, "CopyFrom %s columns=%v %+v\n", x.Target.Name, x.Columns, x.Options)
		showStatement(w, x.Insert)
	case *plan.Insert:
		fmt.Fprintf(w, "insert into %s columns %v\n", x.Target.Name, x.Columns)
		tree(x.Input)
	case *plan.CreateStream:
		fmt.Fprintf(w, "create stream ifNotExists=%v orReplace=%v infer=%v\n", x.IfNotExists, x.OrReplace, x.Infer)
		relation(w, x.Relation)
		if x.Job != nil {
			showStatement(w, x.Job)
		}
	case *plan.CreateMatView:
		fmt.Fprintf(w, "create materialized view ifNotExists=%v\n", x.IfNotExists)
		relation(w, x.Relation)
		if x.Job != nil {
			showStatement(w, x.Job)
		}
	case *plan.CreateSink:
		fmt.Fprintf(w, "create sink ifNotExists=%v orReplace=%v\n", x.IfNotExists, x.OrReplace)
		relation(w, x.Relation)
	case *plan.StartJob:
		fmt.Fprintf(w, "job %s into %s options %v depends %d\n", x.Name, sinks(x.Sinks), x.Options, len(x.Depends))
		tree(x.Root)
	case *plan.Explain:
		fmt.Fprintf(w, "explain analyze=%v format=%s\n", x.Analyze, x.Format)
		showStatement(w, x.Target.Statement)
	case *plan.Prepare:
		fmt.Fprintf(w, "prepare %s: %s\n", x.Name, x.Text)
		show(w, x.Target)
	case *plan.Execute:
		fmt.Fprintf(w, "execute %s %v\n", x.Name, x.Args)
	case *plan.DeclareCursor:
		scroll := "unsaid"
		if x.Scroll != nil {
			scroll = strconv.FormatBool(*x.Scroll)
		}
		fmt.Fprintf(w, "declare %s scroll=%s hold=%v binary=%v\n", x.Name, scroll, x.Hold, x.Binary)
		showStatement(w, x.Query.Statement)
	case *plan.Copy:
		fmt.Fprintf(w, "copy format=%s delimiter=%q null=%q quote=%q escape=%q header=%v force=%v all=%v\n",
			x.Format, x.Delimiter, x.Null, x.Quote, x.Escape, x.Header, x.ForceQuote, x.ForceQuoteAll)
		showStatement(w, x.Query.Statement)
	case *plan.ShowTopics:
		fmt.Fprintf(w, "topics of %s %v\n", x.System.Connector, x.System.Options)
	default:
		if showDDL(w, st) {
			return
		}
		fmt.Fprintf(w, "%T %+v\n", x, st)
	}
}

func sinks(ts []plan.SinkTarget) string {
	s := make([]string, len(ts))
	for i, t := range ts {
		s[i] = t.Relation.Name
		if t.Declared {
			s[i] += fmt.Sprintf(" (new %s %v)", t.Relation.Connector, t.Relation.Options)
		}
	}
	return strings.Join(s, ", ")
}

func relation(w *strings.Builder, r *catalog.Relation) {
	fmt.Fprintf(w, "  %s.%s kind=%c connector=%s options=%v\n", r.Schema, r.Name, r.Kind, r.Connector, r.Options)
	for _, c := range r.Columns {
		fmt.Fprintf(w, "  %s %s notnull=%v default=%q generated=%q\n", c.Name, types.FormatType(c.Type), c.NotNull, c.Default, c.Generated)
	}
	if r.Key != nil {
		fmt.Fprintf(w, "  primary key %v\n", r.Key)
	}
	if r.Watermark != nil {
		fmt.Fprintf(w, "  watermark %s as %s\n", r.Watermark.Column, r.Watermark.Expr)
	}
	if r.Query != "" {
		fmt.Fprintf(w, "  query %s\n", r.Query)
	}
}

// signatures are PostgreSQL 16's functions, operators and casts over the types
// that are known here.
func signatures(t testing.TB) *catalog.Builtins {
	t.Helper()
	b := &catalog.Builtins{}
	byOID := map[types.OID]*catalog.Function{}
	for _, f := range table(t, "testdata/pg_proc.tsv") {
		fn := &catalog.Function{
			OID: oid(f[0]), Schema: f[1], Name: f[2], Optional: int(oid(f[5])), Ret: oid(f[6]), Set: f[7] == "t",
			Kind: catalog.FunctionKind(f[8][0]), Strict: f[9] == "t", Volatility: f[10][0],
		}
		if f[3] != "" {
			for _, a := range strings.Split(f[3], ",") {
				fn.Args = append(fn.Args, oid(a))
			}
		}
		if v := oid(f[4]); v != 0 {
			fn.Variadic = true
			fn.Args[len(fn.Args)-1] = v
		}
		for _, a := range fn.Args[len(fn.Args)-fn.Optional:] {
			fn.Defaults = append(fn.Defaults, types.NullOf(types.Of(a))) // their values are not in the table
		}
		if f[11] != "" {
			fn.ArgNames = strings.Split(f[11], ",")
		}
		if f[12] != "" {
			for _, c := range strings.Split(f[12], ",") {
				name, typ, _ := strings.Cut(c, ":")
				fn.Out = append(fn.Out, catalog.Column{Name: name, Type: types.Of(oid(typ))})
			}
		}
		if known(append([]types.OID{fn.Ret}, fn.Args...)...) {
			b.Functions = append(b.Functions, fn)
		} else {
			b.Internal = append(b.Internal, fn)
		}
		if fn.Kind == catalog.Aggregate {
			fn.AggKind, fn.Direct = orderedSet(fn.Name)
		}
		byOID[fn.OID] = fn
	}
	for _, f := range table(t, "testdata/pg_operator.tsv") {
		o := &catalog.Operator{OID: oid(f[0]), Name: f[1], Left: oid(f[2]), Right: oid(f[3]), Result: oid(f[4]), Func: byOID[oid(f[5])]}
		if o.Func != nil && known(o.Right, o.Result) && (o.Left == 0 || known(o.Left)) {
			b.Operators = append(b.Operators, o)
		}
	}
	for _, f := range table(t, "testdata/pg_cast.tsv") {
		c := &catalog.Cast{Source: oid(f[0]), Target: oid(f[1]), Func: byOID[oid(f[2])], Binary: f[3] == "b", Context: f[4][0]}
		if known(c.Source, c.Target) {
			b.Casts = append(b.Casts, c)
		}
	}
	return b
}

// orderedSet is what pg_aggregate says of an aggregate with WITHIN GROUP.
func orderedSet(name string) (catalog.AggregateKind, int) {
	switch name {
	case "rank", "dense_rank", "percent_rank", "cume_dist":
		return catalog.HypotheticalSet, 1
	case "percentile_cont", "percentile_disc":
		return catalog.OrderedSet, 1
	case "mode":
		return catalog.OrderedSet, 0
	}
	return 0, 0
}

func known(oids ...types.OID) bool {
	for _, o := range oids {
		switch o {
		case types.Any, types.AnyArray, types.AnyElement, types.AnyNonArray, types.Record, types.Void, 5077, 5078, 5079:
			continue
		}
		if i := types.Lookup(o); i == nil || i.Phys == types.PhysNone {
			return false
		}
	}
	return true
}

func table(t testing.TB, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if !strings.HasPrefix(line, "#") {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows
}

func oid(s string) types.OID {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return types.OID(n)
}
