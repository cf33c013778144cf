package exec

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// longestName is how many bytes of a name PostgreSQL's parser keeps.
const longestName = 63

// lister is the connector of a relation that stands for a system.
func (e *Engine) lister(system *catalog.Relation) (stream.Lister, error) {
	c, err := e.connector(system)
	if err != nil {
		return nil, err
	}
	l, ok := c.(stream.Lister)
	if !ok {
		return nil, sqlerr.Unsupported("Write FROM KAFKA.", "listing what %s holds is not supported", system.Connector)
	}
	return l, nil
}

// Listed is what a system holds.
func (t *Txn) Listed(ctx context.Context, system *catalog.Relation) ([]stream.Listed, error) {
	l, err := t.e.lister(system)
	if err != nil {
		return nil, err
	}
	return l.List(ctx, &t.e.o.Env, system)
}

// createSchema makes a schema, whose system is not connected to.
func (t *Txn) createSchema(s *plan.CreateSchema) (Result, error) {
	sc := catalog.Schema{Name: s.Name, Owner: s.Owner, Connector: s.Connector, Options: s.Options}
	if s.Connector != "" {
		l, err := t.e.lister(sc.System())
		if err == nil {
			err = l.CheckSystem(&t.e.o.Env, sc.System())
		}
		if err != nil {
			return Result{}, err
		}
	}
	_, notices, err := t.change().CreateSchemaOf(sc, s.IfNotExists)
	return Result{"CREATE SCHEMA", notices}, err
}

// Discover makes a stream of what the system of one of the schemas has by a name; false:
// none has it. The stream belongs to the schema's owner, and only who may act as that
// role makes one: the system is asked in its name. Where the transaction has changed
// the catalog itself the stream is part of that, else it is there at once, and stays.
// readOnly: it is the transaction's alone, and goes with it.
func (t *Txn) Discover(ctx context.Context, schemas []string, name, user string, readOnly bool) (bool, []*sqlerr.Error, error) {
	for _, schema := range schemas {
		sc := t.Snapshot().Schema(schema)
		if sc == nil || sc.Connector == "" {
			continue
		}
		l, err := t.e.lister(sc.System())
		if err != nil {
			return false, nil, err
		}
		names, err := l.Names(ctx, &t.e.o.Env, sc.System())
		if err != nil {
			return false, nil, err
		}
		found, err := meant(names, sc, name)
		if err != nil {
			return false, nil, err
		}
		if found == "" {
			continue
		}
		if user != "" && !t.Snapshot().HasRole(user, sc.Owner) {
			return false, nil, sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for topic %q of schema %q, which nobody has used yet", found, schema).
				WithHint("%s, whose schema it is, uses it first (SELECT * FROM %s.%s LIMIT 0), and may then GRANT SELECT on it.",
					catalog.QuoteName(sc.Owner), catalog.QuoteName(schema), catalog.QuoteName(name))
		}
		if readOnly && t.tx == nil {
			t.tx, t.passing = t.e.o.Catalog.Begin(), true
		}
		notices, err := t.found(ctx, l, sc, name, found)
		return err == nil, notices, err
	}
	return false, nil, nil
}

// meant is the one of some names that a name in SQL means, of which only the beginning
// may be written; "": none.
func meant(names []string, sc *catalog.Schema, name string) (string, error) {
	if slices.Contains(names, name) {
		return name, nil
	}
	var long []string
	for _, n := range names {
		if len(name) == longestName && len(n) > longestName && strings.HasPrefix(n, name) {
			long = append(long, n)
		}
	}
	switch len(long) {
	case 1:
		return long[0], nil
	case 0:
	default:
		slices.Sort(long)
		return "", sqlerr.Errorf(sqlerr.AmbiguousAlias, "%d topics of schema %q begin with %q, which is as much of a name as SQL has", len(long), sc.Name, name).
			WithDetail("They are %s.", strings.Join(long[:min(len(long), 3)], ", ")).
			WithHint("Declare the one you mean: CREATE STREAM name WITH (type = 'kafka', topic = '%s', ...).", long[0])
	}
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return "", sqlerr.Errorf(sqlerr.UndefinedTable, "relation \"%s.%s\" does not exist", sc.Name, name).
				WithHint("Topics' names have case: write %s.%s.", catalog.QuoteName(sc.Name), catalog.QuoteName(n))
		}
	}
	return "", nil
}

// found declares what a system has as a stream.
func (t *Txn) found(ctx context.Context, l stream.Lister, sc *catalog.Schema, name, topic string) ([]*sqlerr.Error, error) {
	r := sc.System()
	r.Name, r.Found, r.Options = name, true, slices.Clone(sc.Options)
	if err := l.Declare(ctx, &t.e.o.Env, r, topic); err != nil {
		return nil, err
	}
	c, err := t.e.connector(r)
	if err != nil {
		return nil, err
	}
	if err := c.Check(&t.e.o.Env, r, stream.RoleSource); err != nil {
		return nil, err
	}
	r.Hidden = stream.HiddenOf(c, r)
	notices := []*sqlerr.Error{inferred(r)}
	if t.tx != nil {
		_, _, err := t.tx.CreateRelation(r, true, false)
		return notices, err
	}
	tx := t.e.o.Catalog.Begin()
	made, _, err := tx.CreateRelation(r, true, false)
	if err == nil {
		err = tx.Commit()
	}
	if !made {
		notices = nil // another session came before
	}
	return notices, err
}

// Listings are asked for anew when they are older than freshness, and a system has
// patience to answer: whoever looks at a catalog does not wait longer for a broker that
// is away.
const (
	freshness = 10 * time.Second
	patience  = 2 * time.Second
)

// listings are what the systems of schemas have, as catalogs show it.
type listings struct {
	mu sync.Mutex
	of map[types.OID]*listing // by schema
}

type listing struct {
	mu    sync.Mutex // held by the one who asks
	at    time.Time
	names []string
}

// with is the catalog with what the schemas' systems have beside the streams that were
// made of it: relations without columns, whose OIDs are no other's.
func (e *Engine) with(ctx context.Context, s *catalog.Snapshot, user string) *catalog.Snapshot {
	var more []*catalog.Relation
	for _, sc := range s.Schemas() {
		if sc.Connector == "" || user != "" && !s.Has(user, sc.Object(), catalog.UsageRight) {
			continue
		}
		more = append(more, e.unfound(s, sc, e.names(ctx, sc))...)
	}
	if len(more) == 0 {
		return s
	}
	return s.With(more...)
}

// names are the names that a schema's system has, or had not long ago.
func (e *Engine) names(ctx context.Context, sc *catalog.Schema) []string {
	e.listings.mu.Lock()
	if e.listings.of == nil {
		e.listings.of = map[types.OID]*listing{}
	}
	l := e.listings.of[sc.OID]
	if l == nil {
		l = &listing{}
		e.listings.of[sc.OID] = l
	}
	e.listings.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) < freshness {
		return l.names
	}
	lister, err := e.lister(sc.System())
	if err != nil {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	names, err := lister.Names(ask, &e.o.Env, sc.System())
	if err != nil && ctx.Err() == nil {
		e.log.Warn("topics are not shown in the catalogs", "schema", sc.Name, "error", err)
	}
	if ctx.Err() == nil {
		l.at, l.names = time.Now(), names
	}
	return l.names
}

// firstUnfound is where the OIDs of what is not made a stream yet begin: the upper half
// of those there are, whose lower one objects are numbered in from FirstOID on.
const firstUnfound types.OID = 1 << 31

// unfound are relations that stand for names which no relation of the schema has. A
// name's OID follows from it, so that clients find it again.
func (e *Engine) unfound(s *catalog.Snapshot, sc *catalog.Schema, names []string) []*catalog.Relation {
	used := map[types.OID]bool{}
	var all []*catalog.Relation
	sorted := slices.Sorted(slices.Values(names))
	for _, n := range sorted {
		name := n[:min(len(n), longestName)]
		if s.Relation(sc.Name, name) != nil || len(all) > 0 && all[len(all)-1].Name == name {
			continue
		}
		h := uint32(2166136261) ^ uint32(sc.OID)*2654435761
		for _, c := range []byte(name) {
			h = (h ^ uint32(c)) * 16777619
		}
		oid := firstUnfound | types.OID(h)
		for used[oid] || s.RelationByOID(oid) != nil {
			oid = firstUnfound | (oid + 1)
		}
		used[oid] = true
		r := sc.System()
		r.OID, r.Name, r.Found, r.Options = oid, name, true, nil
		r.Comment = "a topic; its columns are known when it is first used"
		all = append(all, r)
	}
	return all
}
