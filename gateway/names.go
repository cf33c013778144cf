package gateway

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
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
		if f := snapshot.FunctionByOID(id); f != nil {
			return regprocName(snapshot, f), true
		}
	default:
		return bind.BuiltinName(snapshot, typ, id)
	}
	return "", false
}

// regprocName is a function's name, with its schema where another function has the
// name too.
func regprocName(snapshot *catalog.Snapshot, f *catalog.Function) string {
	if len(snapshot.NamedFunctions(f.Name)) > 1 {
		return catalog.QuoteName(f.Schema) + "." + catalog.QuoteName(f.Name)
	}
	return catalog.QuoteName(f.Name)
}

// rowColumns are the columns of a relation's row type.
func (x *session) rowColumns(oid types.OID) ([]types.RowColumn, bool) {
	return x.nameSnapshot().RowColumns(oid)
}

// regIn reads a name as its reg* type does.
func (x *session) regIn(typ types.OID, name string) (types.OID, error) {
	snapshot := x.nameSnapshot()
	return bind.Names{Catalog: snapshot, Path: x.searchPath(snapshot), Temp: catalog.TempSchema(x.pid), Database: x.database}.OID(typ, name)
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
