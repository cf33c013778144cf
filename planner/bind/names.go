package bind

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Names are what the texts of reg* types are read by: the catalog, a search path,
// the schema that pg_temp means and the database, "" where there is none.
type Names struct {
	Catalog        *catalog.Snapshot
	Path           []string
	Temp, Database string
}

// OID is the object that a name of a reg* type stands for.
func (n Names) OID(reg types.OID, name string) (types.OID, error) {
	switch reg {
	case types.Regtype:
		return typeOID(n.Catalog, n.Path, name)
	case types.Regoper:
		return operatorOID(n.Catalog, name)
	case types.Regprocedure, types.Regoperator:
		return n.signatureOID(reg, name)
	}
	parts, err := splitName(name)
	if err != nil {
		return 0, err
	}
	if reg == types.Regrole || reg == types.Regnamespace {
		if len(parts) > 1 {
			return 0, sqlerr.Errorf(sqlerr.InvalidName, "invalid name syntax")
		}
	} else if parts, err = n.local(parts, reg); err != nil {
		return 0, err
	}
	switch last := parts[len(parts)-1]; reg {
	case types.Regclass:
		return n.relationOID(parts)
	case types.Regproc:
		return functionOID(n.Catalog, name, parts)
	case types.Regnamespace:
		if sc := n.Catalog.Schema(last); sc != nil {
			return sc.OID, nil
		}
		return 0, sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", last)
	case types.Regrole:
		for _, role := range n.Catalog.Roles() {
			if role == last {
				return catalog.RoleOID(role), nil
			}
		}
		return 0, sqlerr.Errorf(sqlerr.UndefinedObject, "role \"%s\" does not exist", last)
	case types.Regcollation:
		if oid, ok := collationOIDs[last]; ok && (len(parts) == 1 || parts[0] == "pg_catalog") {
			return oid, nil
		}
		return 0, sqlerr.Errorf(sqlerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", strings.Join(parts, "."))
	case types.Regconfig:
		return 0, sqlerr.Errorf(sqlerr.UndefinedObject, "text search configuration \"%s\" does not exist", strings.Join(parts, "."))
	}
	return 0, sqlerr.Errorf(sqlerr.UndefinedObject, "text search dictionary \"%s\" does not exist", strings.Join(parts, "."))
}

// local is a name without the database's, which must be this one.
func (n Names) local(parts []string, reg types.OID) ([]string, error) {
	if len(parts) < 3 {
		return parts, nil
	}
	name, what := strings.Join(parts, "."), "qualified"
	if reg == types.Regclass {
		what = "relation"
	}
	switch {
	case len(parts) > 3:
		return nil, sqlerr.Errorf(sqlerr.SyntaxError, "improper %s name (too many dotted names): %s", what, name)
	case parts[0] == n.Database:
		return parts[1:], nil
	case reg == types.Regclass:
		name = quoteDisplay(name)
	}
	return nil, sqlerr.Unsupported("Leave the database's name out.", "cross-database references are not implemented: %s", name)
}

// collationOIDs are the OIDs of those that PostgreSQL always has.
var collationOIDs = map[string]types.OID{"default": 100, "C": 950, "POSIX": 951}

func (n Names) relationOID(parts []string) (types.OID, error) {
	var r *catalog.Relation
	var x *catalog.Index
	if len(parts) == 1 {
		r = n.Catalog.Resolve(n.Path, parts[0])
		_, x = n.Catalog.ResolveIndex(n.Path, parts[0])
	} else {
		schema := parts[0]
		if schema == "pg_temp" && n.Temp != "" {
			schema = n.Temp
		}
		r = n.Catalog.Relation(schema, parts[1])
		_, x = n.Catalog.Index(schema, parts[1])
	}
	switch {
	case r != nil:
		return r.OID, nil
	case x != nil:
		return x.OID, nil
	}
	return 0, sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s\" does not exist", strings.Join(parts, "."))
}

func functionOID(s *catalog.Snapshot, name string, parts []string) (types.OID, error) {
	switch fs := functionsNamed(s, parts); len(fs) {
	case 0:
		return 0, sqlerr.Errorf(sqlerr.UndefinedFunction, "function \"%s\" does not exist", name)
	case 1:
		return fs[0].OID, nil
	}
	return 0, sqlerr.Errorf(sqlerr.AmbiguousFunction, "more than one function named \"%s\"", name)
}

// functionsNamed are the functions of a name, in its schema where it has one.
func functionsNamed(s *catalog.Snapshot, parts []string) []*catalog.Function {
	all := s.NamedFunctions(parts[len(parts)-1])
	if len(parts) == 1 {
		return all
	}
	var in []*catalog.Function
	for _, f := range all {
		if f.Schema == parts[0] || f.Schema == "" && parts[0] == "pg_catalog" {
			in = append(in, f)
		}
	}
	return in
}

// splitName reads a possibly qualified, possibly quoted name.
func splitName(s string) ([]string, error) {
	var parts []string
	rest := strings.TrimSpace(s)
	for {
		var part string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for {
				i := strings.IndexByte(rest[end:], '"')
				if i < 0 {
					return nil, sqlerr.Errorf(sqlerr.InvalidName, "invalid name syntax")
				}
				part += rest[end : end+i]
				end += i + 1
				if !strings.HasPrefix(rest[end:], `"`) {
					break
				}
				part += `"`
				end++
			}
			rest = rest[end:]
		} else {
			i := strings.IndexAny(rest, ". \t\n\r\v\f")
			if i < 0 {
				i = len(rest)
			}
			if i == 0 {
				return nil, sqlerr.Errorf(sqlerr.InvalidName, "invalid name syntax")
			}
			part = strings.ToLower(rest[:i])
			rest = rest[i:]
		}
		parts = append(parts, part)
		rest = strings.TrimSpace(rest)
		if rest == "" {
			return parts, nil
		}
		if rest[0] != '.' {
			return nil, sqlerr.Errorf(sqlerr.InvalidName, "invalid name syntax")
		}
		rest = strings.TrimSpace(rest[1:])
	}
}
