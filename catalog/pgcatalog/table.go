package pgcatalog

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Rows returns the rows of a virtual relation, one value for each of its
// AllColumns. A row is borrowed until the next one. Of a relation that has no
// rows here there are none.
func Rows(c *Context, rel *catalog.Relation) iter.Seq[[]types.Value] {
	return func(yield func([]types.Value) bool) {
		v := byOID()[rel.OID]
		if v == nil {
			return
		}
		if fill := tables[v.Schema+"."+v.Name]; fill != nil {
			t := &table{virtual: v, yield: yield}
			if c.Columns != nil {
				t.wanted = make([]bool, len(v.AllColumns()))
				for _, at := range c.Columns {
					t.wanted[at] = true
				}
			}
			fill(c, t)
		}
	}
}

// abouts are the columns by which the rows of some relations say what they are
// about.
var abouts = map[string]string{
	"pg_class": "oid", "pg_attribute": "attrelid", "pg_attrdef": "adrelid", "pg_index": "indrelid", "pg_constraint": "conrelid",
}

// About is the column of a virtual relation that Context.About is a value of, and
// false where it has none.
func About(rel *catalog.Relation) (column int, ok bool) {
	name, ok := abouts[rel.Name]
	if !ok || rel.Schema != "pg_catalog" {
		return 0, false
	}
	return byOID()[rel.OID].index[name], true
}

// relations are those that the rows of one of Abouts may be wanted of.
func (c *Context) relations() []*catalog.Relation {
	all := c.Snapshot.Relations()
	if c.About == 0 {
		return all
	}
	if r := c.Snapshot.RelationByOID(c.About); r != nil {
		return []*catalog.Relation{r}
	}
	for _, r := range all {
		for _, x := range shownIndexes(r) {
			if x.OID == c.About {
				return []*catalog.Relation{r}
			}
		}
	}
	return nil
}

// table takes the rows of one relation.
type table struct {
	*virtual
	yield  func([]types.Value) bool
	wanted []bool        // the columns that are read; nil: all
	full   bool          // the reader wants no more
	empty  []types.Value // a row of which nothing is set
	next   row
	// follow are the two columns that were last set after each, and last is the one set
	// before, counted from 1: rows are made alike, and most need no look into a map.
	follow [][2]setColumn
	last   int
}

type setColumn struct {
	name string
	at   int
}

// wants reports whether a column is read: what is costly to make is made for who does.
func (t *table) wants(column string) bool { return t.wanted == nil || t.wanted[t.index[column]] }

// row starts a row: NOT NULL columns are their type's zero, the others NULL. The
// row before it is over.
func (t *table) row() *row {
	if t.empty == nil {
		t.empty = t.emptyRow()
		t.follow = make([][2]setColumn, len(t.empty)+1)
		t.next = row{t: t, values: make([]types.Value, len(t.empty))}
	}
	copy(t.next.values, t.empty)
	t.last = 0
	return &t.next
}

func (t *table) emptyRow() []types.Value {
	all := t.AllColumns()
	values := make([]types.Value, len(all))
	for i, c := range all {
		values[i] = types.Value{Type: c.Type, Null: !c.NotNull}
		if c.NotNull && phys(c.Type.OID) == types.PhysList {
			values[i].A = &types.Array{Elem: types.Of(types.Lookup(c.Type.OID).Elem)}
		}
	}
	values[t.index["tableoid"]].I = int64(t.OID)
	return values
}

// row is one row being made. Naming a column that the relation has not, or
// giving it a value of another kind, is a mistake in this package.
type row struct {
	t      *table
	values []types.Value
}

// emit gives the row to the reader.
func (r *row) emit() {
	if !r.t.full {
		r.t.full = !r.t.yield(r.values)
	}
}

func (r *row) at(column string) *types.Value {
	v := &r.values[r.t.place(column)]
	v.Null = false
	return v
}

// place is the number of the column that is set next.
func (t *table) place(column string) int {
	after := &t.follow[t.last]
	for _, f := range after {
		if f.name == column {
			t.last = f.at + 1
			return f.at
		}
	}
	i, ok := t.index[column]
	if !ok {
		panic(fmt.Sprintf("pgcatalog: %s.%s has no column %s", t.Schema, t.Name, column))
	}
	after[0], after[1] = setColumn{column, i}, after[0]
	t.last = i + 1
	return i
}

func phys(oid types.OID) types.Phys {
	if info := types.Lookup(oid); info != nil {
		return info.Phys
	}
	return types.PhysNone
}

// str sets a column of text of any kind.
func (r *row) str(column, s string) *row {
	r.at(column).S = s
	return r
}

// text is str, and NULL for "".
func (r *row) text(column, s string) *row {
	if s == "" {
		return r
	}
	return r.str(column, s)
}

// ascii has each byte that a "char" column is set to at its own place.
var ascii = func() string {
	all := make([]byte, 128)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}()

// chr sets a "char" column, to a byte below 128.
func (r *row) chr(column string, c byte) *row {
	v := r.at(column)
	if v.S = ""; c != 0 {
		v.S = ascii[c : c+1]
	}
	return r
}

// num sets a column of whole numbers, OIDs among them.
func (r *row) num(column string, n int64) *row {
	r.at(column).I = n
	return r
}

func (r *row) oid(column string, oid types.OID) *row { return r.num(column, int64(oid)) }

func (r *row) real(column string, f float64) *row {
	r.at(column).F = f
	return r
}

func (r *row) bool(column string, b bool) *row {
	if b {
		return r.num(column, 1)
	}
	return r.num(column, 0)
}

// time sets a timestamptz; the zero time is NULL.
func (r *row) time(column string, t time.Time) *row {
	if t.IsZero() {
		return r
	}
	return r.num(column, t.UnixMicro()+types.UnixEpoch)
}

// seconds sets an interval.
func (r *row) seconds(column string, n int) *row {
	r.at(column).Span = types.IntervalValue{Micros: int64(n) * 1e6}
	return r
}

// list sets an array, or an oidvector or int2vector, whose lower bound is 0.
func (r *row) list(column string, elems []types.Value) *row {
	v := r.at(column)
	if phys(v.Type.OID) != types.PhysList {
		var words []string
		for _, e := range elems {
			words = append(words, strconv.FormatInt(e.I, 10))
		}
		v.S = strings.Join(words, " ")
		return r
	}
	elem := types.Of(types.Lookup(v.Type.OID).Elem)
	for i := range elems {
		elems[i].Type = elem
	}
	v.A = &types.Array{Elem: elem, Elems: elems}
	lower := int32(1)
	if v.Type.OID == types.OidVector || v.Type.OID == types.Int2Vector {
		lower = 0
	}
	if len(elems) > 0 {
		v.A.Dims = []types.Dim{{Len: int32(len(elems)), Lower: lower}}
	}
	return r
}

// acl sets the privileges on an object, NULL where they are what its class has.
func (r *row) acl(column string, o catalog.Object) *row {
	if !r.t.wants(column) {
		return r
	}
	if shown := o.Shown(); shown != nil {
		r.strs(column, shown.Texts())
	}
	return r
}

func (r *row) strs(column string, ss []string) *row {
	elems := make([]types.Value, 0, len(ss))
	for _, s := range ss {
		elems = append(elems, types.Value{S: s})
	}
	return r.list(column, elems)
}

func (r *row) oids(column string, oids []types.OID) *row {
	elems := make([]types.Value, 0, len(oids))
	for _, o := range oids {
		elems = append(elems, types.Value{I: int64(o)})
	}
	return r.list(column, elems)
}

// tables are the relations that have rows, each in the file of its name.
var tables = map[string]func(*Context, *table){
	"pg_catalog.job_results":                             jobResults,
	"pg_catalog.pg_aggregate":                            pgAggregate,
	"pg_catalog.pg_am":                                   pgAm,
	"pg_catalog.pg_opclass":                              builtin,
	"pg_catalog.pg_opfamily":                             builtin,
	"pg_catalog.pg_amop":                                 builtin,
	"pg_catalog.pg_amproc":                               builtin,
	"pg_catalog.pg_stat_all_tables":                      tableStatistics,
	"pg_catalog.pg_stat_user_tables":                     tableStatistics,
	"pg_catalog.pg_stat_sys_tables":                      tableStatistics,
	"pg_catalog.pg_stat_xact_all_tables":                 tableStatistics,
	"pg_catalog.pg_stat_xact_user_tables":                tableStatistics,
	"pg_catalog.pg_stat_xact_sys_tables":                 tableStatistics,
	"pg_catalog.pg_statio_all_tables":                    tableStatistics,
	"pg_catalog.pg_statio_user_tables":                   tableStatistics,
	"pg_catalog.pg_statio_sys_tables":                    tableStatistics,
	"pg_catalog.pg_stat_all_indexes":                     indexStatistics,
	"pg_catalog.pg_stat_user_indexes":                    indexStatistics,
	"pg_catalog.pg_statio_all_indexes":                   indexStatistics,
	"pg_catalog.pg_statio_user_indexes":                  indexStatistics,
	"pg_catalog.pg_attrdef":                              pgAttrdef,
	"pg_catalog.pg_attribute":                            pgAttribute,
	"pg_catalog.pg_authid":                               pgAuthid,
	"pg_catalog.pg_auth_members":                         pgAuthMembers,
	"pg_catalog.pg_group":                                pgGroup,
	"pg_catalog.pg_shadow":                               pgShadow,
	"pg_catalog.pg_cast":                                 pgCast,
	"pg_catalog.pg_class":                                pgClass,
	"pg_catalog.pg_collation":                            pgCollation,
	"pg_catalog.pg_constraint":                           pgConstraint,
	"pg_catalog.pg_cursors":                              pgCursors,
	"pg_catalog.pg_database":                             pgDatabase,
	"pg_catalog.pg_default_acl":                          pgDefaultACL,
	"pg_catalog.pg_depend":                               pgDepend,
	"pg_catalog.pg_locks":                                pgLocks,
	"pg_catalog.pg_description":                          pgDescription,
	"pg_catalog.pg_enum":                                 pgEnum,
	"pg_catalog.pg_foreign_data_wrapper":                 pgForeignDataWrapper,
	"pg_catalog.pg_index":                                pgIndex,
	"pg_catalog.pg_indexes":                              pgIndexes,
	"pg_catalog.pg_language":                             pgLanguage,
	"pg_catalog.pg_namespace":                            pgNamespace,
	"pg_catalog.pg_operator":                             pgOperator,
	"pg_catalog.pg_prepared_statements":                  pgPreparedStatements,
	"pg_catalog.pg_proc":                                 pgProc,
	"pg_catalog.pg_range":                                pgRange,
	"pg_catalog.pg_roles":                                pgRoles,
	"pg_catalog.pg_sequence":                             pgSequence,
	"pg_catalog.pg_sequences":                            pgSequences,
	"pg_catalog.pg_settings":                             pgSettings,
	"pg_catalog.pg_matviews":                             pgMatviews,
	"pg_catalog.pg_stat_activity":                        pgStatActivity,
	"pg_catalog.pg_tables":                               pgTables,
	"pg_catalog.pg_tablespace":                           pgTablespace,
	"pg_catalog.pg_timezone_abbrevs":                     pgTimezoneAbbrevs,
	"pg_catalog.pg_timezone_names":                       pgTimezoneNames,
	"pg_catalog.pg_type":                                 pgType,
	"pg_catalog.pg_user":                                 pgUser,
	"pg_catalog.pg_views":                                pgViews,
	"information_schema.check_constraints":               infoCheckConstraints,
	"information_schema.constraint_column_usage":         infoConstraintColumnUsage,
	"information_schema.key_column_usage":                infoKeyColumnUsage,
	"information_schema.referential_constraints":         infoReferentialConstraints,
	"information_schema.sequences":                       infoSequences,
	"information_schema.table_constraints":               infoTableConstraints,
	"information_schema.columns":                         infoColumns,
	"information_schema.schemata":                        infoSchemata,
	"information_schema.tables":                          infoTables,
	"information_schema.views":                           infoViews,
	"information_schema.information_schema_catalog_name": infoCatalogName,
	"information_schema.applicable_roles":                infoApplicableRoles,
	"information_schema.column_privileges":               infoColumnPrivileges,
	"information_schema.enabled_roles":                   infoEnabledRoles,
	"information_schema.role_column_grants":              infoRoleColumnGrants,
	"information_schema.role_table_grants":               infoRoleTableGrants,
	"information_schema.role_usage_grants":               infoRoleUsageGrants,
	"information_schema.table_privileges":                infoTablePrivileges,
	"information_schema.usage_privileges":                infoUsagePrivileges,
	"pg_catalog.pg_stat_ssl":                             pgStatSSL,
	"ferris.connector_options":                           ferrisConnectorOptions,
	"ferris.connectors":                                  ferrisConnectors,
	"ferris.functions":                                   ferrisFunctions,
	"ferris.jobs":                                        ferrisJobs,
	"ferris.materialized_views":                          ferrisMaterializedViews,
	"ferris.sinks":                                       ferrisSinks,
	"ferris.watermarks":                                  ferrisWatermarks,
	"ferris.splits":                                      ferrisSplits,
	"ferris.streams":                                     ferrisStreams,
}
