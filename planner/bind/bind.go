// Package bind resolves names and types over PostgreSQL's parse trees, by
// PostgreSQL's rules, and is the only producer of plan nodes and the one point
// of authorisation.
//
// Inside the package an error travels as a panic of type bindError, as a deep
// recursive descent reads better without its error returns; Bind catches it.
package bind

import (
	"context"
	"slices"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Bind turns a parsed statement into a plan.
func Bind(ctx context.Context, c *Context, s parse.Statement) (bound *plan.Bound, err error) {
	use := viewUse{asQuery: c.Inlined}
	for {
		bound, more, err := bindOnce(ctx, c, s, use)
		switch {
		case len(more) > 0:
			use.asQuery, use.last = slices.Concat(use.asQuery, more), more
		case err != nil && len(use.asQuery) > len(c.Inlined):
			use = use.without(len(c.Inlined), sqlerr.From(err))
		default:
			return bound, err
		}
	}
}

// bindOnce binds a statement. more are materialized views that are to be bound as
// their queries, too, for which it begins again.
func bindOnce(ctx context.Context, c *Context, s parse.Statement, use viewUse) (bound *plan.Bound, more []types.OID, err error) {
	b := newBinder(ctx, c, s)
	b.shared.use = use
	defer func() {
		switch r := recover().(type) {
		case nil:
		case inlining:
			more = r.views
		case bindError:
			err = r.err
		default:
			panic(r)
		}
	}()
	bound = b.statement()
	b.authorise()
	bound.Text = s.Text
	bound.Notices, bound.Views = b.shared.notices, b.shared.matviews
	bound.Params = b.shared.params.finish(b)
	return bound, nil, nil
}

// Expr binds a text that the catalog keeps (a default, a watermark, a generated
// or generator column) over the columns given, and coerces it to want by
// assignment where want is not zero.
func Expr(ctx context.Context, c *Context, text string, columns []catalog.Column, want types.Type) (e plan.Expr, err error) {
	defer catch(&err)
	node, err := parse.Expr(text)
	if err != nil {
		return nil, err
	}
	b := newBinder(ctx, c, parse.Statement{Text: text, Pos: 1, Source: &parse.Source{Text: text}})
	s := &scope{}
	item := &rangeItem{name: "", relVisible: true, colsVisible: true}
	for i, col := range columns {
		item.cols = append(item.cols, itemCol{name: col.Name, expr: &plan.Column{Index: i, Typ: col.Type, Name: col.Name}})
	}
	s.items = []*rangeItem{item}
	e = b.expr(node, s, exprOther)
	if want.OID != types.Invalid {
		e = b.assign(e, want, node)
	} else {
		e = b.defaultType(e, location(node))
	}
	b.shared.params.finish(b)
	return e, nil
}

type bindError struct{ err *sqlerr.Error }

func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case bindError:
		*err = r.err
	default:
		panic(r)
	}
}

// shared is what the binders of one statement have in common: that of the text
// and those of the views it reads.
type shared struct {
	params  *params
	notices []*sqlerr.Error
	depends []types.OID
	needs   []*need // what the statement's role must be allowed
	nextCTE int
	use     viewUse
	views   []string // being expanded, for the bound on their depth
	// matviews are the materialized views that are read.
	matviews []*catalog.Relation
	// versions are the streams with a PRIMARY KEY that are read, by their tables.
	versions map[plan.Node]*keyedStream
}

// binder binds one text.
type binder struct {
	ctx    context.Context
	c      *Context
	stmt   parse.Statement
	src    *parse.Source
	ascii  bool
	fmt    *types.Format
	shared *shared
	// inline sources declared by a WITH list after FROM.
	inline map[string]*catalog.Relation
	// top is the SELECT at the end of the statement, whose EMIT is the statement's.
	top *pg.SelectStmt
	// into is the SELECT whose INTO is the statement's: the first of UNION, INTERSECT
	// and EXCEPT.
	into *pg.SelectStmt
	// later are the names of the WITH queries after the one being bound.
	later []string
	// rowNames are the names that stand for whole rows; nil: not looked for.
	rowNames map[string]bool
	// itemLocs are where the items of rows that are written out stand.
	itemLocs map[*plan.Row][]int32
	// entryNames are what an entry of FROM calls the columns of its row, where its
	// row type may call them otherwise.
	entryNames map[*plan.Row][]string
	// level is how many queries are around the one being bound, and itself.
	level int
	// walk is what the next SELECT carries for SEARCH and CYCLE; nil: nothing.
	walk *traversal
	// sets are the places of the set-returning calls bound so far.
	sets []int32
	// reading, where it is not nil, collects what the text refers to.
	reading *reading
	// topWith is the statement's own WITH clause; modifies: one of its queries
	// changes a table.
	topWith  *pg.WithClause
	modifies bool
	// live: a continuous query is being bound (EMIT CHANGES, or a job).
	live bool
	// final: its windows of time go out when they are complete (EMIT FINAL, and a
	// job that does not say EMIT CHANGES).
	final bool
	late  plan.LatePolicy // of a job's windows
	// records is the stream with a PRIMARY KEY of which records are read, and not the
	// table that they make; nil: none.
	records *catalog.Relation
	// views: the query of a materialized view is being bound.
	views bool
	// inView: the text is a view's, whose names its owner wrote.
	inView bool
	// columns are those that INSERT INTO names in a job.
	columns []parse.Name
	// inserts: a job's rows go where INSERT INTO says, and not INTO.
	inserts bool
	// place is where the clause stands that refusals without a place of their own are
	// about; 0: none is known.
	place int
}

func newBinder(ctx context.Context, c *Context, s parse.Statement) *binder {
	if path := usablePath(c); len(path) != len(c.SearchPath) {
		of := *c
		of.SearchPath = path
		c = &of
	}
	return &binder{
		ctx: ctx, c: c, stmt: s, src: s.Source, ascii: isASCII(s.Source.Text),
		shared: &shared{params: &params{types: slices.Clone(c.ParamTypes), none: c.NoParams}},
	}
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fail ends binding.
func (b *binder) fail(err *sqlerr.Error) { panic(bindError{err.At(b.place)}) }

// check ends binding where err is not nil.
func (b *binder) check(err error) {
	if err != nil {
		b.fail(sqlerr.From(err))
	}
}

func (b *binder) failf(code sqlerr.Code, loc int32, format string, args ...any) {
	b.fail(sqlerr.Errorf(code, format, args...).At(b.pos(loc)))
}

func (b *binder) unsupported(loc int32, hint, format string, args ...any) {
	b.fail(sqlerr.Unsupported(hint, format, args...).At(b.pos(loc)))
}

func (b *binder) warn(code sqlerr.Code, format string, args ...any) {
	e := sqlerr.Errorf(code, format, args...)
	e.Severity = "WARNING"
	b.shared.notices = append(b.shared.notices, e)
}

func (b *binder) notice(format string, args ...any) {
	e := sqlerr.Errorf(sqlerr.SuccessfulCompletion, format, args...)
	e.Severity = "NOTICE"
	b.shared.notices = append(b.shared.notices, e)
}

// pos is the character, from 1, at a byte of the source; 0 for none.
func (b *binder) pos(loc int32) int {
	switch {
	case loc < 0:
		return 0
	case b.ascii:
		return int(loc) + 1
	}
	return b.src.Char(int(loc))
}

func (b *binder) depend(oid types.OID) {
	if oid < catalog.FirstOID {
		return
	}
	for _, have := range b.shared.depends {
		if have == oid {
			return
		}
	}
	b.shared.depends = append(b.shared.depends, oid)
}

// strs are the strings of a list of String nodes.
func strs(nodes []*pg.Node) []string {
	out := make([]string, 0, len(nodes))
	for _, n := range nodes {
		if s, ok := n.Node.(*pg.Node_String_); ok {
			out = append(out, s.String_.Sval)
		}
	}
	return out
}
