package pgcatalog

import (
	"os"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func relations(t *testing.T) map[string]*catalog.Relation {
	t.Helper()
	m := map[string]*catalog.Relation{}
	for _, r := range Relations() {
		m[r.Schema+"."+r.Name] = r
	}
	return m
}

func TestRelationsAreWellFormed(t *testing.T) {
	oids := map[types.OID]string{}
	for _, r := range Relations() {
		name := r.Schema + "." + r.Name
		if other, taken := oids[r.OID]; taken {
			t.Errorf("%s and %s both have OID %d", name, other, r.OID)
		}
		oids[r.OID] = name
		if r.OID == 0 || r.OID >= catalog.FirstOID {
			t.Errorf("%s has OID %d, which is a user's", name, r.OID)
		}
		if r.Kind != catalog.Virtual || len(r.Columns) == 0 {
			t.Errorf("%s: kind %c, %d columns", name, r.Kind, len(r.Columns))
		}
		seen := map[string]bool{}
		for _, c := range r.AllColumns() {
			if seen[c.Name] {
				t.Errorf("%s has column %s twice", name, c.Name)
			}
			seen[c.Name] = true
		}
	}
	for name := range tables {
		if relations(t)[name] == nil {
			t.Errorf("rows are provided for %s, which is no relation", name)
		}
	}
}

// TestColumnsCanBeRead fails for a column whose type cannot be in a vector.
func TestColumnsCanBeRead(t *testing.T) {
	missing := map[types.OID]string{}
	for _, r := range Relations() {
		for _, c := range r.AllColumns() {
			if phys(c.Type.OID) == types.PhysNone {
				missing[c.Type.OID] = r.Name + "." + c.Name
			}
		}
	}
	for oid, where := range missing {
		t.Errorf("type %d (%s), of %s and others, has no column representation", oid, typeRow(oid).name, where)
	}
}

// TestClientsFindTheirColumns has every relation and column that the captured
// statements of psql, pgJDBC, pgx, asyncpg and others name.
func TestClientsFindTheirColumns(t *testing.T) {
	b, err := os.ReadFile("testdata/clients.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := relations(t)
	for line := range strings.Lines(string(b)) {
		name, columns, _ := strings.Cut(strings.TrimSpace(line), ":")
		r := all[name]
		if r == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		have := map[string]bool{}
		for _, c := range r.AllColumns() {
			have[c.Name] = true
		}
		for _, c := range strings.Fields(columns) {
			if !have[c] {
				t.Errorf("%s has no column %s", name, c)
			}
		}
	}
}
