package pgcatalog

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// The views of statistics list what they are about. Nothing is counted here, as
// where PostgreSQL's track_counts is off: counts are 0, and times NULL.

// counted reports whether a view of statistics is about a schema: its name says
// whether it is of the system's relations, of the users', or of all.
func counted(view, schema string) bool {
	system := schema == "pg_catalog" || schema == "information_schema"
	return !strings.Contains(view, "_user_") && !strings.Contains(view, "_sys_") || system == strings.Contains(view, "_sys_")
}

func tableStatistics(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if kind := relkind(r); !counted(t.Name, r.Schema) || kind != 'r' && kind != 'm' {
			continue
		}
		t.zeros().oid("relid", r.OID).str("schemaname", r.Schema).str("relname", r.Name).emit()
	}
}

func indexStatistics(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		if !counted(t.Name, r.Schema) {
			continue
		}
		for _, x := range shownIndexes(r) {
			t.zeros().oid("relid", r.OID).oid("indexrelid", x.OID).str("schemaname", r.Schema).
				str("relname", r.Name).str("indexrelname", x.Name).emit()
		}
	}
}

// zeros starts a row whose counts are 0.
func (t *table) zeros() *row {
	r := t.row()
	for _, c := range t.Columns {
		if c.Type.OID == types.Int8 {
			r.num(c.Name, 0)
		}
	}
	return r
}
