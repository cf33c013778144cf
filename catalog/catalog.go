package catalog

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Catalog is what one data directory knows. All methods are safe for use by
// several goroutines.
type Catalog struct {
	store   *state.Store
	oids    oidCounter
	commit  sync.Mutex // one Commit at a time
	current atomic.Pointer[Snapshot]
}

// Built-in schemas and their OIDs; PostgreSQL's where it has the schema and
// fixes the number.
const (
	pgCatalogOID         types.OID = 11
	informationSchemaOID types.OID = 13127
	ferrisOID            types.OID = 15000
	publicOID            types.OID = 2200
)

// Superuser owns what comes with the server.
const Superuser = "ferris"

// Open reads the catalog out of a store, and makes the schema public in a new
// one. builtins nil: no functions. virtual are relations whose rows come from
// providers; they are not stored.
func Open(store *state.Store, builtins *Builtins, virtual ...*Relation) (*Catalog, error) {
	if builtins == nil {
		builtins = &Builtins{}
	}
	s := &Snapshot{
		schemas:   map[string]*Schema{},
		relations: map[string]map[string]*Relation{},
		byOID:     map[types.OID]*Relation{},
		jobs:      map[string]*Job{},
		enums:     map[enumName]*Enum{},
		enumOf:    map[types.OID]*Enum{},
		roles:     map[string]*Role{},
		guards:    map[storeKey]*guard{},
		owed:      map[types.OID]*Owed{},
		defaults:  map[types.OID]*DefaultACL{},
		builtins:  newBuiltinIndex(builtins),
	}
	d := newDraft(s)
	for _, sc := range []Schema{
		{OID: pgCatalogOID, Name: "pg_catalog", Owner: Superuser},
		{OID: informationSchemaOID, Name: "information_schema", Owner: Superuser},
		{OID: ferrisOID, Name: "ferris", Owner: Superuser},
	} {
		d.putSchema(&sc)
	}
	for _, r := range virtual {
		if d.relations[r.Schema][r.Name] != nil || d.byOID[r.OID] != nil {
			return nil, fmt.Errorf("opening the catalog: virtual relation %s.%s (OID %d) is declared twice", r.Schema, r.Name, r.OID)
		}
		d.putRelation(r)
	}
	c := &Catalog{store: store}
	if err := c.load(d); err != nil {
		return nil, fmt.Errorf("opening the catalog: %w", err)
	}
	c.current.Store(d.freeze(1))
	return c, nil
}

// load puts the stored objects into the draft.
func (c *Catalog) load(d *draft) error {
	c.oids = oidCounter{store: c.store, next: FirstOID, limit: FirstOID}
	empty := true
	err := c.store.Scan(nil, func(key, value []byte) error {
		empty = false
		return c.loadObject(d, string(key), value)
	})
	if err != nil {
		return err
	}
	if !empty {
		return nil
	}
	d.putSchema(&Schema{OID: publicOID, Name: "public", Owner: Superuser})
	return c.store.Update(d.write)
}

func (c *Catalog) loadObject(d *draft, key string, value []byte) error {
	switch key[0] {
	case keySchema:
		sc, err := decodeSchema(value)
		if err != nil {
			return err
		}
		d.putSchema(sc)
	case keyRelation:
		r, err := decodeRelation(value)
		if err != nil {
			return err
		}
		d.putRelation(r)
	case keyJob:
		j, err := decodeJob(value)
		if err != nil {
			return err
		}
		d.putJob(j)
	case keyEnum:
		e, err := decodeEnum(value)
		if err != nil {
			return err
		}
		d.putEnum(e)
	case keyRole:
		r, err := decodeRole(value)
		if err != nil {
			return err
		}
		d.putRole(r)
	case keyOwed:
		o, err := decodeOwed(value)
		if err != nil {
			return err
		}
		d.owed[o.OID] = o
	case keyDefaultACL:
		a, err := decodeDefaultACL(value)
		if err != nil {
			return err
		}
		d.putDefaultACL(a)
	case keyFunctionACL, keyDatabaseACL, keyConnectorACL:
		g, err := decodeGuard(key[0], value)
		if err != nil {
			return err
		}
		d.putGuard(g)
	case keyOIDs:
		limit, err := decodeOIDs(value)
		if err != nil {
			return err
		}
		c.oids.next, c.oids.limit = limit, limit
	default:
		return fmt.Errorf("key %q is of no known kind", key)
	}
	return nil
}

// RequireRoles is for a server whose clients prove who they are: a name without a
// role has the privileges of PUBLIC and no others, where before it had all, as
// whoever is trusted has. It is called before anyone else uses the catalog.
func (c *Catalog) RequireRoles() {
	d := newDraft(c.Snapshot())
	d.strict = true
	c.current.Store(d.freeze(c.Snapshot().Version))
}

// Snapshot is the catalog as of the last commit.
func (c *Catalog) Snapshot() *Snapshot { return c.current.Load() }

// Begin starts a transaction on the newest snapshot. It needs no end: what is
// not committed leaves nothing.
func (c *Catalog) Begin() *Tx { return &Tx{c: c, base: c.Snapshot()} }
