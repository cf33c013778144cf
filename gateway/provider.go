package gateway

import (
	"cmp"
	"sort"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// A session tells pg_catalog of itself. Only its own goroutine asks.
var _ pgcatalog.Session = (*session)(nil)

// Settings are the rows of pg_settings.
func (x *session) Settings() []pgcatalog.Setting {
	boot := newValues(x.server.opts.Version)
	list := make([]pgcatalog.Setting, 0, len(settingsTable))
	for i := range settingsTable {
		s := &settingsTable[i]
		value := x.settings.current.fixed[i]
		if v, ok := x.txn.mode(&x.settings, s.name); ok {
			value = v
		}
		row := pgcatalog.Setting{
			Name: s.name, Value: value, Unit: s.unit, Category: s.category, Help: s.short, Context: s.context, Type: s.vartype,
			Source: "session", Enum: s.enum, Boot: boot.fixed[i], Reset: x.settings.start.fixed[i],
		}
		switch value {
		case boot.fixed[i]:
			row.Source = "default"
		case x.server.base.fixed[i]:
			row.Source = "configuration file"
		case row.Reset:
			row.Source = "client"
		}
		if s.context == "internal" {
			row.Source = "override"
		}
		if s.vartype == "integer" {
			row.Min, row.Max = strconv.FormatInt(s.min, 10), strconv.FormatInt(s.max, 10)
		}
		list = append(list, row)
	}
	for name, value := range x.settings.current.custom {
		list = append(list, pgcatalog.Setting{
			Name: name, Value: value, Category: "Customized Options", Context: "user", Type: "string", Source: "session",
			Reset: x.settings.start.custom[name],
		})
	}
	sort.Slice(list, func(i, j int) bool { return strings.ToLower(list[i].Name) < strings.ToLower(list[j].Name) })
	return list
}

// Cursors are the rows of pg_cursors: what DECLARE made, and named portals.
func (x *session) Cursors() []pgcatalog.Cursor {
	var list []pgcatalog.Cursor
	for _, p := range x.portals {
		if p.columns == nil {
			continue
		}
		list = append(list, pgcatalog.Cursor{
			Name: p.name, Statement: cmp.Or(p.declared, p.text), Hold: p.hold, Binary: len(p.formats) > 0 && p.formats[0] == 1, Scrollable: p.scroll, Created: p.created,
		})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Created.Before(list[j].Created) })
	return list
}

// PreparedStatements are the rows of pg_prepared_statements.
func (x *session) PreparedStatements() []pgcatalog.PreparedStatement {
	var list []pgcatalog.PreparedStatement
	for _, p := range x.prepared {
		if p.name == "" {
			continue
		}
		row := pgcatalog.PreparedStatement{Name: p.name, Statement: cmp.Or(p.declared, p.text), Prepared: p.created, FromSQL: p.sql, Params: []types.OID{}}
		for _, t := range p.bound.Params {
			row.Params = append(row.Params, wireType(t).OID)
		}
		for _, f := range p.fields {
			row.Results = append(row.Results, wireType(f.Type).OID)
		}
		list = append(list, row)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Prepared.Before(list[j].Prepared) })
	return list
}
