// Package pgcatalog is what the server tells about itself in SQL: pg_catalog,
// information_schema and ferris. Every relation of PostgreSQL 16's two catalogs
// is there with its true columns, so that no client's query fails; those that
// have rows here have a file each. Rows are made from a catalog snapshot and from
// what the gateway and the engine provide; it knows neither of them.
package pgcatalog

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// relationsTSV is made from a PostgreSQL 16 by dump.sql: a line for each
// relation (schema, name, OID, relkind), and after it a line for each column
// (empty, name, type, modifier, ! for NOT NULL).
//
//go:embed relations.tsv
var relationsTSV string

// virtual is a relation with what catalog.Relation has no field for.
type virtual struct {
	*catalog.Relation
	relkind byte // PostgreSQL's: r or v
	index   map[string]int
}

// Relations are all virtual relations. They are made once and never change.
func Relations() []*catalog.Relation {
	markRowless()
	all := make([]*catalog.Relation, 0, len(known()))
	for _, v := range known() {
		all = append(all, v.Relation)
	}
	return all
}

// markRowless says which relations have no provider. known does not itself, since the
// providers ask it.
var markRowless = sync.OnceFunc(func() {
	for _, v := range known() {
		v.Rowless = tables[v.Schema+"."+v.Name] == nil
	}
})

// superusersOnly are the catalogs that PostgreSQL shows to superusers alone.
var superusersOnly = map[string]bool{
	"pg_authid": true, "pg_shadow": true, "pg_user_mapping": true, "pg_hba_file_rules": true, "pg_ident_file_mappings": true,
	"pg_file_settings": true, "pg_config": true, "pg_statistic": true, "pg_largeobject": true, "pg_backend_memory_contexts": true,
	"pg_shmem_allocations": true, "pg_replication_origin_status": true, "pg_statistic_ext_data": true, "pg_subscription": true,
}

// known are the virtual relations in order of OID within their schema's file.
var known = sync.OnceValue(func() []*virtual {
	all := readRelations(relationsTSV)
	for _, r := range ferrisRelations {
		all = append(all, &virtual{Relation: r, relkind: 'v'})
	}
	for _, v := range all {
		if v.Schema == "pg_catalog" && superusersOnly[v.Name] {
			v.ACL = catalog.ACL{{Grantee: catalog.Superuser, Grantor: catalog.Superuser, Rights: catalog.RelationClass.All()}}
		}
		v.Kind, v.Owner, v.index = catalog.Virtual, catalog.Superuser, map[string]int{}
		v.Hidden = []catalog.Column{{Name: "tableoid", Type: types.Of(types.Oid), NotNull: true}}
		for i, c := range v.AllColumns() {
			v.index[c.Name] = i
		}
	}
	return all
})

var byOID = sync.OnceValue(func() map[types.OID]*virtual {
	m := map[types.OID]*virtual{}
	for _, v := range known() {
		m[v.OID] = v
	}
	return m
})

// readRelations reads the embedded file, which a test has checked.
func readRelations(tsv string) []*virtual {
	var all []*virtual
	for line := range strings.Lines(tsv) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] != "" {
			all = append(all, &virtual{
				Relation: &catalog.Relation{Schema: f[0], Name: f[1], OID: types.OID(number(f[2]))},
				relkind:  f[3][0],
			})
			continue
		}
		r := all[len(all)-1]
		r.Columns = append(r.Columns, catalog.Column{
			Name:    f[1],
			Type:    types.Type{OID: types.OID(number(f[2])), Mod: int32(number(f[3]))},
			NotNull: len(f) > 4,
		})
	}
	return all
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("pgcatalog: the embedded file has %q for a number", s))
	}
	return n
}
