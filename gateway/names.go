package gateway

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
)

// nameSnapshot is the catalog that names are looked up in.
func (x *session) nameSnapshot() *catalog.Snapshot {
	if x.txn.engine != nil {
		return x.txn.engine.Snapshot()
	}
	engine := x.server.opts.Engine.Begin()
	defer engine.Rollback()
	return engine.Snapshot()
}

// regOut is the name of an object as its reg* type prints it.
func (x *session) regOut(typ, id types.OID) (string, bool) {
	snapshot := x.nameSnapshot()
	switch typ {
	case types.Regclass:
		r := snapshot.RelationByOID(id)
		if r == nil {
			return indexName(snapshot, x.searchPath(snapshot), id)
		}
		if snapshot.Resolve(x.searchPath(snapshot), r.Name) == r {
			return catalog.QuoteName(r.Name), true
		}
		return catalog.QuoteName(r.Schema) + "." + catalog.QuoteName(r.Name), true
	case types.Regtype:
		if !snapshot.TypeExists(id) {
			return "", false
		}
		if id == types.BPChar { // which a modifier of -1 would make bpchar
			return types.Lookup(id).SQLName, true
		}
		return snapshot.FormatType(types.Of(id), x.searchPath(snapshot)), true
	case types.Regnamespace:
		for _, s := range snapshot.Schemas() {
			if s.OID == id {
				return catalog.QuoteName(s.Name), true
			}
		}
	case types.Regproc:
		for _, f := range snapshot.Builtins().Functions {
			if f.OID == id {
				return catalog.QuoteName(f.Name), true
			}
		}
	default:
		return bind.BuiltinName(snapshot, typ, id)
	}
	return "", false
}

// rowColumns are the columns of a relation's row type.
func (x *session) rowColumns(oid types.OID) ([]types.RowColumn, bool) {
	return x.nameSnapshot().RowColumns(oid)
}

// regIn reads a name as its reg* type does.
func (x *session) regIn(typ types.OID, name string) (types.OID, error) {
	snapshot := x.nameSnapshot()
	switch typ {
	case types.Regclass, types.Regnamespace, types.Regproc:
	default:
		return bind.NameResolver(snapshot, x.searchPath(snapshot))(typ, name)
	}
	parts, ok := splitName(name)
	if !ok {
		return 0, sqlerr.Errorf(sqlerr.InvalidName, "invalid name syntax")
	}
	schema, last := "", parts[len(parts)-1]
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	switch typ {
	case types.Regclass:
		r := snapshot.Resolve(x.searchPath(snapshot), last)
		if schema == "pg_temp" {
			schema = catalog.TempSchema(x.pid)
		}
		if schema != "" {
			r = snapshot.Relation(schema, last)
		}
		if r != nil {
			return r.OID, nil
		}
		_, index := snapshot.ResolveIndex(x.searchPath(snapshot), last)
		if schema != "" {
			_, index = snapshot.Index(schema, last)
		}
		if index != nil {
			return index.OID, nil
		}
		return 0, sqlerr.Errorf(sqlerr.UndefinedTable, "relation %q does not exist", strings.Join(parts, "."))
	case types.Regnamespace:
		if s := snapshot.Schema(last); s != nil {
			return s.OID, nil
		}
		return 0, sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema %q does not exist", last)
	}
	all := snapshot.Functions(last)
	if len(all) > 1 {
		return 0, sqlerr.Errorf(sqlerr.AmbiguousFunction, "more than one function named %q", name)
	}
	if len(all) == 1 {
		return all[0].OID, nil
	}
	return 0, sqlerr.Errorf(sqlerr.UndefinedFunction, "function %q does not exist", name)
}

// splitName reads a dotted name of identifiers, quoted or not.
func splitName(s string) ([]string, bool) {
	var parts []string
	for {
		end := strings.IndexByte(s, '.')
		if strings.HasPrefix(s, `"`) {
			close := 1
			for {
				i := strings.IndexByte(s[close:], '"')
				if i < 0 {
					return nil, false
				}
				close += i + 1
				if !strings.HasPrefix(s[close:], `"`) {
					break
				}
				close++
			}
			part, rest := s[:close], s[close:]
			parts = append(parts, strings.ReplaceAll(part[1:len(part)-1], `""`, `"`))
			if rest == "" {
				return parts, true
			}
			if rest[0] != '.' {
				return nil, false
			}
			s = rest[1:]
			continue
		}
		if end < 0 {
			end = len(s)
		}
		part := strings.ToLower(strings.TrimSpace(s[:end]))
		if part == "" {
			return nil, false
		}
		parts = append(parts, part)
		if end == len(s) {
			return parts, true
		}
		s = s[end+1:]
	}
}

// indexName is how regclass prints an index.
func indexName(s *catalog.Snapshot, path []string, id types.OID) (string, bool) {
	r, x := s.IndexByOID(id)
	if x == nil {
		return "", false
	}
	if _, found := s.ResolveIndex(path, x.Name); found == x {
		return catalog.QuoteName(x.Name), true
	}
	return catalog.QuoteName(r.Schema) + "." + catalog.QuoteName(x.Name), true
}
