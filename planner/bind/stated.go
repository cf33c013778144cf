package bind

import (
	"context"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// Stated writes the statements that make relations and jobs, as they are by now:
// what was renamed has its new name, and what a view's query says is as the catalog
// has it. It is called for what the catalog is read with.
type Stated func() (context.Context, *Context)

// Job is the statement that makes a job.
func (Stated) Job(j *catalog.Job) string {
	m, ok := parse.MakingOf(j.Text)
	if !ok || strings.HasSuffix(strings.ToLower(strings.TrimSpace(m.Head)), "view") {
		return j.Text // of a materialized view's job, which is named by the view
	}
	if len(m.Parts) != 1 || m.Parts[0] != j.Name {
		m.Name = catalog.QuoteName(j.Name)
	}
	return m.String()
}

// Relation is the statement that makes a stream, sink or view; "": none did.
func (s Stated) Relation(r *catalog.Relation) string {
	m, ok := parse.MakingOf(r.Text)
	switch {
	case r.Kind == catalog.Sink && (!ok || r.Job != ""):
		return sinkText(r)
	case !ok:
		return r.Text
	}
	last := len(m.Parts) - 1
	if m.Parts[last] != r.Name || last == 0 && r.Schema != "public" && !catalog.Temporary(r.Schema) || last > 0 && m.Parts[last-1] != r.Schema {
		m.Name = catalog.QuoteName(r.Name)
		if !catalog.Temporary(r.Schema) && (r.Schema != "public" || last > 0) {
			m.Name = catalog.QuoteName(r.Schema) + "." + m.Name
		}
	}
	switch r.Kind {
	case catalog.View, catalog.MatView:
		stmt, err := parse.Query(r.Text)
		if err != nil || len(stmt.Into) > 0 || m.Recursive || m.Query == "" {
			break // the query of a job too, for which nothing that it reads is renamed
		}
		m.Query = r.Query
		if !slices.Equal(s.listed(r, &m), columnNames(r)) {
			m.List = columnsText(r)
		}
	case catalog.Stream:
		if m.List != "" && !slices.Equal(m.Columns, columnNames(r)) {
			m.List = s.columnList(r)
		}
	}
	return m.String()
}

// sinkText is a statement that makes a sink that a job has declared.
func sinkText(r *catalog.Relation) string {
	options := []string{"  type = '" + quoteString(r.Connector) + "'"}
	for _, o := range r.Options {
		options = append(options, "  '"+quoteString(o.Key)+"' = '"+quoteString(o.Value)+"'")
	}
	name := catalog.QuoteName(r.Name)
	if r.Schema != "public" {
		name = catalog.QuoteName(r.Schema) + "." + name
	}
	return "CREATE SINK " + name + " WITH (\n" + strings.Join(options, ",\n") + "\n)"
}

// listed are the names that a view's statement gives to its columns.
func (s Stated) listed(r *catalog.Relation, m *parse.Making) []string {
	if m.List != "" {
		names := columnNames(r)
		return append(slices.Clone(m.Columns), names[min(len(m.Columns), len(names)):]...)
	}
	ctx, c := s()
	b := &binder{ctx: ctx, c: c, shared: &shared{params: newParams(nil)}}
	_, fields, ok := b.readingOf(r, c)
	if !ok {
		return columnNames(r)
	}
	var out []string
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}

func columnsText(r *catalog.Relation) string {
	var names []string
	for _, c := range r.Columns {
		names = append(names, catalog.QuoteName(c.Name))
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// columnList is the list of CREATE STREAM.
func (s Stated) columnList(r *catalog.Relation) string {
	_, at := s()
	var parts []string
	for _, c := range r.Columns {
		text := "  " + catalog.QuoteName(c.Name) + " " + at.Catalog.FormatType(c.Type, at.SearchPath)
		switch {
		case c.Generated != "":
			text += " GENERATED ALWAYS AS (" + c.Generated + ") STORED"
		case c.Default != "":
			text += " DEFAULT " + c.Default
		}
		if c.NotNull && !slices.Contains(r.Key, c.Name) {
			text += " NOT NULL"
		}
		parts = append(parts, text)
	}
	if w := r.Watermark; w != nil {
		parts = append(parts, "  WATERMARK FOR "+catalog.QuoteName(w.Column)+" AS "+w.Expr)
	}
	if len(r.Key) > 0 {
		var key []string
		for _, k := range r.Key {
			key = append(key, catalog.QuoteName(k))
		}
		parts = append(parts, "  PRIMARY KEY ("+strings.Join(key, ", ")+")")
	}
	return " (\n" + strings.Join(parts, ",\n") + "\n)"
}
