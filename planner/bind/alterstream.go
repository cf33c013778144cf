package bind

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// alterTag is the command tag of an ALTER: with the statement's own word, where
// PostgreSQL's tree has another for it.
func (b *binder) alterTag(o pg.ObjectType) string {
	if b.stmt.Word != "" {
		return "ALTER " + b.stmt.Word
	}
	return "ALTER " + objectWord(o)
}

// wrongKind refuses what is no stream in ALTER and COMMENT ON STREAM, and no sink
// in those of SINK. A view made by CREATE STREAM AS is a stream.
func (b *binder) wrongKind(r *catalog.Relation) {
	switch {
	case b.stmt.Word == "STREAM" && r.Kind != catalog.Stream && r.Kind != catalog.View:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a stream", r.Name))
	case b.stmt.Word == "SINK" && r.Kind != catalog.Sink:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "\"%s\" is not a sink", r.Name))
	}
}

// refuseRead refuses to change the columns of a stream that a job or materialized
// view reads: what it has read so far was read by the old ones.
func (b *binder) refuseRead(r *catalog.Relation) {
	for _, v := range b.c.Catalog.Relations() {
		if v.Kind == catalog.MatView && slices.Contains(v.DependsOn, r.OID) {
			b.unsupported(-1, "Drop materialized view "+catalog.QuoteName(v.Name)+", alter the stream, and create the view again.",
				"altering columns of stream \"%s\", which materialized view \"%s\" reads, is not supported", r.Name, v.Name)
		}
	}
	for _, j := range b.c.Catalog.Jobs() {
		if slices.Contains(j.DependsOn, r.OID) {
			b.unsupported(-1, "Drop job "+catalog.QuoteName(j.Name)+", alter the stream, and start the job again.",
				"altering columns of stream \"%s\", which job \"%s\" reads, is not supported", r.Name, j.Name)
		}
	}
}

// streamDraft is ALTER STREAM in the making.
type streamDraft struct {
	*binder
	old, rel *catalog.Relation
	drops    []*catalog.Relation // views that go along
}

// alterStream is ALTER STREAM with ADD COLUMN, DROP COLUMN and OWNER TO.
func (b *binder) alterStream(x *pg.AlterTableStmt, old *catalog.Relation) *plan.Bound {
	r := *old
	r.Columns = slices.Clone(old.Columns)
	d := &streamDraft{binder: b, old: old, rel: &r}
	for _, n := range x.Cmds {
		c := n.GetAlterTableCmd()
		switch c.Subtype {
		case pg.AlterTableType_AT_AddColumn:
			b.refuseRead(old)
			d.add(c.Def.GetColumnDef(), c.MissingOk)
		case pg.AlterTableType_AT_DropColumn:
			b.refuseRead(old)
			d.drop(c.Name, c.MissingOk, c.Behavior == pg.DropBehavior_DROP_CASCADE)
		case pg.AlterTableType_AT_ChangeOwner:
			b.chown(&r, c.Newowner)
		default:
			b.unsupported(x.Relation.Location, "A stream's columns are added, dropped and renamed; for the rest declare it anew: CREATE OR REPLACE STREAM.",
				"ALTER STREAM ... %s is not supported", actionWord(c.Subtype))
		}
	}
	if len(r.Columns) == 0 {
		b.unsupported(x.Relation.Location, "Leave one column; _value has the whole record.", "a stream without columns is not supported")
	}
	if b.c.Check != nil {
		b.check(b.c.Check(&r, false))
	}
	return done(&plan.AlterTable{Old: old, Relation: &r, Drops: d.drops, Tag: "ALTER STREAM"})
}

// add is ADD COLUMN. What the stream holds already is read with it from now on.
func (d *streamDraft) add(def *pg.ColumnDef, missingOK bool) {
	if d.rel.ColumnNamed(def.Colname) >= 0 {
		if missingOK {
			d.notice("column \"%s\" of relation \"%s\" already exists, skipping", def.Colname, d.rel.Name)
			return
		}
		d.fail(sqlerr.Errorf(sqlerr.DuplicateColumn, "column \"%s\" of relation \"%s\" already exists", def.Colname, d.rel.Name))
	}
	d.rel.Columns = append(d.rel.Columns, d.column(def, d.stmt.ColumnTexts))
	base, only := d.rel.Hidden, false
	if d.rel.Connector == "generator" {
		base, only = rowNumber, true
	}
	d.checkColumn(def, d.rel.Columns, len(d.rel.Columns)-1, base, only)
	d.checkHidden(d.rel, d.pos(def.Location))
}

// drop is DROP COLUMN: what is computed from the column goes only with CASCADE.
func (d *streamDraft) drop(name string, missingOK, cascade bool) {
	at := d.rel.ColumnNamed(name)
	switch {
	case at < 0 && slices.ContainsFunc(d.rel.Hidden, func(c catalog.Column) bool { return c.Name == name }):
		d.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "cannot drop system column \"%s\"", name))
	case at < 0 && missingOK:
		d.notice("column \"%s\" of relation \"%s\" does not exist, skipping", name, d.rel.Name)
		return
	case at < 0:
		d.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, d.rel.Name))
	}
	stream := "stream " + d.shownName(d.rel)
	column := "column " + catalog.QuoteName(name) + " of " + stream
	var went, gone []string
	for _, c := range d.rel.Columns {
		if c.Generated != "" && c.Name != name && len(d.placesOf(c.Generated, at)) > 0 {
			went, gone = append(went, "column "+catalog.QuoteName(c.Name)+" of "+stream), append(gone, c.Name)
		}
	}
	w := d.rel.Watermark
	marked := w != nil && (w.Column == name || slices.Contains(gone, w.Column) || len(d.placesOf(w.Expr, at)) > 0)
	if marked {
		went = append(went, "watermark of "+stream)
	}
	views := d.viewsOf(d.old, d.old.Attribute(d.old.ColumnNamed(name)))
	for _, v := range views {
		went = append(went, "view "+d.shownName(v))
	}
	var lines []string
	for _, what := range went {
		lines = append(lines, what+" depends on "+column)
	}
	direct := len(views)
	views, lines = d.viewsOver(views, lines)
	for _, v := range views[direct:] {
		went = append(went, "view "+d.shownName(v))
	}
	if len(went) > 0 && !cascade {
		d.fail(sqlerr.Errorf(sqlerr.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", column).
			WithDetail("%s", strings.Join(lines, "\n")).WithHint("Use DROP ... CASCADE to drop the dependent objects too."))
	}
	d.cascaded(went)
	d.drops = append(d.drops, views...)
	if marked {
		d.rel.Watermark = nil
	}
	d.rel.Columns = slices.DeleteFunc(d.rel.Columns, func(c catalog.Column) bool { return c.Name == name || slices.Contains(gone, c.Name) })
}

// placesOf are the places of an expression of the stream's that name the column at
// a place.
func (d *streamDraft) placesOf(text string, at int) []int { return d.streamPlaces(d.rel, text, at) }

// streamPlaces are the places in an expression over a stream's columns that name
// one of them.
func (b *binder) streamPlaces(r *catalog.Relation, text string, at int) []int {
	node, err := parse.Expr(text)
	if err != nil {
		return nil
	}
	s := columnScope(r.AllColumns())
	for i := range s.items[0].cols {
		s.items[0].cols[i].table, s.items[0].cols[i].attr = r.OID, int16(i+1)
	}
	read := &reading{}
	inner := &binder{ctx: b.ctx, c: b.c, src: &parse.Source{Text: text}, ascii: isASCII(text), shared: b.shared, reading: read}
	inner.operand(node, s, exprOther)
	var places []int
	for _, u := range read.columns {
		if u.attr == int16(at+1) {
			places = append(places, int(u.loc))
		}
	}
	return places
}

// renameInStream writes a stream's expressions over a column's new name.
func (b *binder) renameInStream(old, r *catalog.Relation, at int) {
	to := catalog.QuoteName(r.Columns[at].Name)
	renamed := func(text string) string {
		var all []parse.Replacement
		for _, place := range b.streamPlaces(old, text, at) {
			all = append(all, parse.Replacement{At: place, Text: func(parts []string) string { return dotted(parts[:len(parts)-1], to) }})
		}
		return parse.Replace(text, all)
	}
	for i, c := range r.Columns {
		if c.Generated != "" {
			r.Columns[i].Generated = renamed(c.Generated)
		}
	}
	if w := old.Watermark; w != nil {
		changed := catalog.Watermark{Column: w.Column, Expr: renamed(w.Expr)}
		if w.Column == old.Columns[at].Name {
			changed.Column = r.Columns[at].Name
		}
		r.Watermark = &changed
	}
	if b.c.Check != nil {
		b.check(b.c.Check(r, false))
	}
}
