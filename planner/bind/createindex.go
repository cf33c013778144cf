package bind

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxIndexColumns is PostgreSQL's INDEX_MAX_KEYS.
const maxIndexColumns = 32

// concurrently marks what cannot run inside a transaction block.
func (b *binder) concurrently(s *plan.Bound, what string) *plan.Bound {
	s.Alone = what
	return s
}

// dropIndexes is DROP INDEX.
func (b *binder) dropIndexes(s *plan.Bound, x *pg.DropStmt, several bool) *plan.Bound {
	if !x.Concurrent {
		return s
	}
	if several {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "DROP INDEX CONCURRENTLY does not support dropping multiple objects"))
	}
	if x.Behavior == pg.DropBehavior_DROP_CASCADE {
		b.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "DROP INDEX CONCURRENTLY does not support CASCADE"))
	}
	return b.concurrently(s, "DROP INDEX CONCURRENTLY")
}

// createIndex is CREATE INDEX.
func (b *binder) createIndex(x *pg.IndexStmt) *plan.Bound {
	old := b.maintained(x.Relation)
	switch old.Kind {
	case catalog.Table, catalog.MatView:
	case catalog.Stream:
		b.fail(sqlerr.Unsupported("Streams have no indexes: filters on _offset, _partition and _timestamp seek.", "CREATE INDEX on a stream is not supported").At(b.pos(x.Relation.Location)))
	case catalog.Virtual:
		b.fail(sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", old.Name))
	default:
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "cannot create index on relation \"%s\"", old.Name).WithDetail("%s", noSupport(old)))
	}
	b.ownRelation(old)
	t := b.altered(old)
	s := &plan.AlterTable{Old: old, Relation: t.rel, Tag: "CREATE INDEX", Build: true}
	bound := done(s)
	if x.Concurrent {
		bound = b.concurrently(bound, "CREATE INDEX CONCURRENTLY")
	}
	index := t.index(x)
	if x.Idxname != "" && b.c.Catalog.NameTaken(old.Schema, index.Name) {
		if !x.IfNotExists {
			b.fail(sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists", index.Name))
		}
		e := sqlerr.Errorf(sqlerr.DuplicateTable, "relation \"%s\" already exists, skipping", index.Name)
		e.Severity = "NOTICE"
		b.shared.notices = append(b.shared.notices, e)
		return done(&plan.Nothing{Tag: "CREATE INDEX"})
	}
	t.rel.Table.Indexes = append(t.rel.Table.Indexes, index)
	s.Rules = b.rowRules(t.rel)
	return bound
}

// altered is a draft of what becomes of a table.
func (b *binder) altered(old *catalog.Relation) *tableDraft {
	r, info := *old, *old.Table
	r.Columns = slices.Clone(old.Columns)
	info.Indexes, info.Checks, info.Foreign = slices.Clone(info.Indexes), slices.Clone(info.Checks), slices.Clone(info.Foreign)
	r.Table = &info
	return &tableDraft{binder: b, rel: &r, defaults: map[int]*pg.Node{}, generated: map[int]*pg.Node{}, alter: true}
}

// accessMethods are PostgreSQL's others, and what to write instead.
var accessMethods = map[string]bool{"hash": true, "gist": true, "spgist": true, "gin": true, "brin": true, "rtree": true}

// index is what CREATE INDEX describes.
func (t *tableDraft) index(x *pg.IndexStmt) *catalog.Index {
	if method := x.AccessMethod; method != "" && method != "btree" {
		if !accessMethods[method] {
			t.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "access method \"%s\" does not exist", method))
		}
		t.unsupported(-1, "Leave USING "+method+" out: an index is a btree.", "access method \"%s\" is not supported", method)
	}
	t.tablespace(x.TableSpace)
	out := &catalog.Index{Name: clipName(x.Idxname), Unique: x.Unique, NullsNotDistinct: x.NullsNotDistinct, Options: t.storageOptions(x.Options, indexOptions)}
	if n := len(x.IndexParams) + len(x.IndexIncludingParams); n > maxIndexColumns {
		t.fail(sqlerr.Errorf(sqlerr.TooManyColumns, "cannot use more than %d columns in an index", maxIndexColumns))
	}
	// Expressions and the predicate are bound before column names are looked up.
	keys := make([]catalog.IndexKey, len(x.IndexParams))
	for i, n := range x.IndexParams {
		e := n.GetIndexElem()
		keys[i] = catalog.IndexKey{Column: -1, Desc: e.Ordering == pg.SortByDir_SORTBY_DESC}
		keys[i].NullsFirst = keys[i].Desc && e.NullsOrdering != pg.SortByNulls_SORTBY_NULLS_LAST || e.NullsOrdering == pg.SortByNulls_SORTBY_NULLS_FIRST
		if e.Expr != nil {
			t.indexExpr(e, &keys[i])
		}
	}
	var where plan.Expr
	if x.WhereClause != nil {
		where = t.rowCondition(x.WhereClause, exprIndexWhere, "WHERE")
		if plan.Any(where, isMutable) {
			t.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "functions in index predicate must be marked IMMUTABLE"))
		}
		out.Where = t.stored(where, location(x.WhereClause))
	}
	var parts []string
	for i, n := range x.IndexParams {
		e := n.GetIndexElem()
		if e.Expr == nil {
			keys[i].Column = t.indexColumn(e.Name)
			keys[i].Type = t.rel.Columns[keys[i].Column].Type
		}
		t.indexElem(e, &keys[i])
		parts = append(parts, distinctPart(parts, indexPart(e)))
	}
	out.Keys = keys
	for _, n := range x.IndexIncludingParams {
		e := n.GetIndexElem()
		if e.Expr != nil {
			t.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "expressions are not supported in included columns"))
		}
		out.Include = append(out.Include, t.indexColumn(e.Name))
		parts = append(parts, distinctPart(parts, e.Name))
	}
	if out.Name == "" {
		out.Name = t.indexName(out, parts)
	}
	return out
}

func (t *tableDraft) indexColumn(name string) int {
	at := t.rel.ColumnNamed(name)
	if at < 0 {
		if slices.Contains(systemColumns, name) {
			t.fail(sqlerr.Errorf(sqlerr.FeatureNotSupported, "index creation on system columns is not supported"))
		}
		t.fail(sqlerr.Errorf(sqlerr.UndefinedColumn, "column \"%s\" does not exist", name))
	}
	return at
}

// indexExpr binds an expression of an index; one that is only a column is that
// column.
func (t *tableDraft) indexExpr(e *pg.IndexElem, k *catalog.IndexKey) {
	o := t.operand(e.Expr, t.rowScope(nil), exprIndex)
	expr := t.defaultType(o.e, o.loc)
	if c, ok := expr.(*plan.Column); ok && e.Collation == nil {
		k.Column, k.Type = c.Index, c.Typ
		return
	}
	if plan.Any(expr, isMutable) {
		t.fail(sqlerr.Errorf(sqlerr.InvalidObjectDefinition, "functions in index expression must be marked IMMUTABLE").At(0))
	}
	k.Type = expr.Type()
	k.Expr = t.stored(expr, o.loc)
}

// indexElem reads a key's collation and operator class, and checks its type.
func (t *tableDraft) indexElem(e *pg.IndexElem, k *catalog.IndexKey) {
	if len(e.Collation) > 0 {
		names := strs(e.Collation)
		if !collations[names[len(names)-1]] {
			t.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", strings.Join(names, ".")))
		}
		if category(k.Type.OID) != 'S' && category(elemType(k.Type.OID)) != 'S' {
			t.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "collations are not supported by type %s", t.formatType(k.Type.OID)))
		}
		own := "default"
		if k.Column >= 0 {
			own = cmp.Or(t.rel.Columns[k.Column].Collation, own)
		}
		if name := names[len(names)-1]; name != own {
			k.Collation = name
		}
	}
	if len(e.Opclass) > 0 {
		t.operatorClass(strs(e.Opclass), k)
		return
	}
	t.indexable(k.Type.OID, -1)
}

// operatorClasses are those of btree that order as the default ones do, with
// what they take.
var operatorClasses = map[string][]types.OID{
	"text_ops": {types.Text, types.Varchar}, "varchar_ops": {types.Text, types.Varchar}, "bpchar_ops": {types.BPChar},
	"text_pattern_ops": {types.Text, types.Varchar}, "varchar_pattern_ops": {types.Text, types.Varchar}, "bpchar_pattern_ops": {types.BPChar},
	"int2_ops": {types.Int2}, "int4_ops": {types.Int4}, "int8_ops": {types.Int8}, "numeric_ops": {types.Numeric}, "float4_ops": {types.Float4},
	"float8_ops": {types.Float8}, "date_ops": {types.Date}, "time_ops": {types.Time}, "timestamp_ops": {types.Timestamp}, "timestamptz_ops": {types.Timestamptz},
	"interval_ops": {types.Interval}, "bool_ops": {types.Bool}, "bytea_ops": {types.Bytea}, "uuid_ops": {types.UUID}, "jsonb_ops": {types.JSONB}, "oid_ops": {types.Oid},
	"name_ops": {types.Name}, "char_ops": {types.Char},
}

func (t *tableDraft) operatorClass(names []string, k *catalog.IndexKey) {
	name := names[len(names)-1]
	takes, ok := operatorClasses[name]
	if !ok {
		t.fail(sqlerr.Errorf(sqlerr.UndefinedObject, "operator class \"%s\" does not exist for access method \"btree\"", strings.Join(names, ".")))
	}
	if !slices.Contains(takes, k.Type.OID) {
		t.fail(sqlerr.Errorf(sqlerr.DatatypeMismatch, "operator class \"%s\" does not accept data type %s", name, t.formatType(k.Type.OID)))
	}
	if name == "varchar_ops" || strings.HasSuffix(name, "_pattern_ops") {
		k.Class = name
	}
}

// indexPart is a key's part in the name of its index (FigureIndexColname).
func indexPart(e *pg.IndexElem) string {
	if e.Expr == nil {
		return e.Name
	}
	return partOf(e.Expr)
}

func partOf(n *pg.Node) string {
	if name, strength := nameOf(n); strength > 0 {
		return name
	}
	return "expr"
}

// exprPart is partOf of a stored expression.
func exprPart(text string) string {
	if n, err := parse.Expr(text); err == nil {
		return partOf(n)
	}
	return "expr"
}

// distinctPart numbers a part that is there already.
func distinctPart(parts []string, name string) string {
	part := name
	for n := 1; slices.Contains(parts, part); n++ {
		part = name + strconv.Itoa(n)
	}
	return part
}
