package catalog

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// TestConcurrentTransactions: of those who make the same name exactly one does;
// what is made apart is all there, under OIDs of its own.
func TestConcurrentTransactions(t *testing.T) {
	c := openCatalog(t)
	const workers, each = 8, 20
	var wait sync.WaitGroup
	var won sync.Map
	for w := range workers {
		wait.Go(func() {
			for i := range each {
				tx := c.Begin()
				if _, _, err := tx.CreateRelation(relation(Stream, fmt.Sprintf("own_%d_%d", w, i)), false, false); err != nil {
					t.Error(err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
				tx = c.Begin()
				_, _, err := tx.CreateRelation(relation(Stream, fmt.Sprintf("shared_%d", i)), false, false)
				if err == nil {
					err = tx.Commit()
				}
				switch sqlerr.CodeOf(err) {
				case "":
					if _, twice := won.LoadOrStore(i, w); twice {
						t.Errorf("shared_%d was made twice", i)
					}
				case sqlerr.DuplicateTable:
				default:
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	oids := map[types.OID]bool{}
	for _, r := range c.Snapshot().Relations() {
		oids[r.OID] = true
	}
	if want := workers*each + each; len(oids) != want {
		t.Errorf("%d OIDs, want %d", len(oids), want)
	}
}

// TestConcurrentIfExists: what IF EXISTS and IF NOT EXISTS ask for holds also
// where another transaction has just done it.
func TestConcurrentIfExists(t *testing.T) {
	c := openCatalog(t)
	twice := func(what string, change func(*Tx) error) {
		t.Helper()
		a, b := c.Begin(), c.Begin()
		for _, tx := range []*Tx{a, b} {
			if err := change(tx); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		for _, tx := range []*Tx{a, b} {
			if err := tx.Commit(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	twice("create a stream", func(tx *Tx) error {
		_, _, err := tx.CreateRelation(relation(Stream, "s"), true, false)
		return err
	})
	twice("create a schema", func(tx *Tx) error {
		_, _, err := tx.CreateSchema("more", "ferris", true)
		return err
	})
	twice("create a job", func(tx *Tx) error {
		_, _, _, err := tx.CreateJob(&Job{Name: "j", State: JobRunning}, true, false)
		return err
	})
	if s := c.Snapshot(); s.Relation("public", "s") == nil || s.Schema("more") == nil || s.Job("j") == nil {
		t.Error("something was not made")
	}
	twice("drop the stream", func(tx *Tx) error {
		_, _, err := tx.DropRelations(Stream, []Name{{Name: "s"}}, true, false, []string{"public"})
		return err
	})
	twice("drop the schema", func(tx *Tx) error {
		_, _, err := tx.DropSchemas([]string{"more"}, true, false, nil)
		return err
	})
	twice("drop the job", func(tx *Tx) error {
		_, _, err := tx.DropJob("j", true, false, nil)
		return err
	})
	if s := c.Snapshot(); s.Relation("public", "s") != nil || s.Schema("more") != nil || s.Job("j") != nil {
		t.Error("something was not dropped")
	}
}

// TestModel does random changes in two transactions, with marks, and holds each
// one's view against a plain map from name to what it is made from.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, err := state.Open(state.Options{InMemory: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		c, err := Open(store, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{c: c, now: map[string]string{}}
		m.begin()
		t.Repeat(map[string]func(*rapid.T){
			"":            m.check,
			"create":      m.create,
			"drop":        m.drop,
			"mark":        m.mark,
			"rollback to": m.rollbackTo,
			"commit":      m.commit,
			"reopen":      m.reopen,
		})
	})
}

type model struct {
	c     *Catalog
	tx    *Tx
	now   map[string]string // relation -> what it reads, "" for a stream
	saved map[string]string // as of the last commit
	marks []savepoint
}

type savepoint struct {
	mark int
	now  map[string]string
}

func cloned(m map[string]string) map[string]string {
	c := map[string]string{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (m *model) begin() {
	m.tx, m.marks, m.saved = m.c.Begin(), nil, cloned(m.now)
}

var modelNames = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})

func (m *model) create(t *rapid.T) {
	name, from := modelNames.Draw(t, "name"), modelNames.Draw(t, "from")
	kind, reads := Stream, ""
	var on []types.OID
	if _, ok := m.now[from]; ok && from != name {
		kind, reads, on = View, from, []types.OID{m.tx.Snapshot().Relation("public", from).OID}
	}
	_, taken := m.now[name]
	_, _, err := m.tx.CreateRelation(relation(kind, name, on...), false, false)
	if (err != nil) != taken {
		t.Fatalf("creating %s: %v; taken %v", name, err, taken)
	}
	if !taken {
		m.now[name] = reads
	}
}

// readers are all that stand on a relation.
func (m *model) readers(name string) []string {
	var all []string
	for n, reads := range m.now {
		if reads == name {
			all = append(append(all, n), m.readers(n)...)
		}
	}
	return all
}

func (m *model) drop(t *rapid.T) {
	name := modelNames.Draw(t, "name")
	cascade := rapid.Bool().Draw(t, "cascade")
	_, there := m.now[name]
	readers := m.readers(name)
	d, notices, err := m.tx.DropRelations(Stream, []Name{{Name: name}}, true, cascade, publicPath)
	switch {
	case !there:
		if err != nil || len(notices) != 1 {
			t.Fatalf("dropping nothing: %v %v", err, notices)
		}
		return
	case len(readers) > 0 && !cascade:
		if sqlerr.CodeOf(err) != sqlerr.DependentObjectsStillExist {
			t.Fatalf("dropping %s, which %v read: %v", name, readers, err)
		}
		return
	case err != nil:
		t.Fatal(err)
	}
	var gone []string
	for _, r := range d.Relations {
		gone = append(gone, r.Name)
		delete(m.now, r.Name)
	}
	slices.Sort(gone)
	want := append(readers, name)
	slices.Sort(want)
	if !slices.Equal(gone, want) {
		t.Fatalf("dropping %s took %v, want %v", name, gone, want)
	}
}

func (m *model) mark(*rapid.T) {
	m.marks = append(m.marks, savepoint{m.tx.Mark(), cloned(m.now)})
}

func (m *model) rollbackTo(t *rapid.T) {
	if len(m.marks) == 0 {
		t.Skip("no mark")
	}
	i := rapid.IntRange(0, len(m.marks)-1).Draw(t, "mark")
	m.tx.RollbackTo(m.marks[i].mark)
	m.now, m.marks = cloned(m.marks[i].now), m.marks[:i+1]
}

func (m *model) commit(t *rapid.T) {
	if err := m.tx.Commit(); err != nil {
		t.Fatal(err)
	}
	m.begin()
}

// reopen loses what is not committed.
func (m *model) reopen(t *rapid.T) {
	c, err := Open(m.c.store, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.c, m.now = c, cloned(m.saved)
	m.begin()
}

func (m *model) check(t *rapid.T) {
	same := func(what string, s *Snapshot, want map[string]string) {
		got := map[string]string{}
		for _, r := range s.Relations() {
			got[r.Name] = ""
			for _, on := range r.DependsOn {
				got[r.Name] = s.RelationByOID(on).Name
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	same("the transaction sees", m.tx.Snapshot(), m.now)
	same("others see", m.c.Snapshot(), m.saved)
}
