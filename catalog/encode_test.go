package catalog

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden has an object of each kind with every field set.
var golden goldenObjects

type goldenObjects struct{}

func (goldenObjects) relation() *Relation {
	return &Relation{
		OID: 16384, Schema: "public", Name: "trades", Kind: Stream, Owner: "alice",
		Columns: []Column{
			{Name: "id", Type: types.Of(types.Int8), NotNull: true, Comment: "a key"},
			{Name: "price", Type: types.Type{OID: types.Numeric, Mod: (18<<16 | 4) + 4}, Default: "0.5"},
			{Name: "ts", Type: types.Of(types.Timestamptz), Generated: "to_timestamp(id)"},
		},
		Hidden:    []Column{{Name: "_offset", Type: types.Of(types.Int8)}},
		Watermark: &Watermark{Column: "ts", Expr: "ts - INTERVAL '5 seconds'"},
		Connector: "kafka",
		Options:   Options{{"topic", "trades"}, {"format", "json"}},
		Query:     "SELECT 1",
		Text:      "CREATE STREAM trades (id bigint, \"Größe\" text) WITH ('topic' = 'trades')",
		Job:       "j", Comment: "ticks", DependsOn: []types.OID{16380, 16381},
	}
}

func (goldenObjects) table() *Relation {
	return &Relation{
		OID: 16386, Schema: "public", Name: "accounts", Kind: Table, Owner: "alice", Text: "CREATE TABLE accounts (...)",
		Columns: []Column{
			{Name: "id", Type: types.Of(types.Int8), NotNull: true, Attr: 1, Identity: IdentityAlways},
			{Name: "name", Type: types.Of(types.Text), Attr: 3, Missing: "", HasMissing: true},
			{Name: "note", Type: types.Of(types.Text), Attr: 4, Missing: "a", HasMissing: true, Default: "'a'"},
		},
		Hidden: TableHidden(),
		Table: &TableInfo{
			Storage: 16387, Attrs: 4, Dropped: []DroppedAttr{{Attr: 2, Phys: types.PhysBytes}}, OnCommit: PreserveRows, Unlogged: true, Options: Options{{"fillfactor", "90"}},
			Checks: []Check{{OID: 16388, Name: "accounts_id_check", Expr: "id > 0", Attrs: []int16{1}, Comment: "positive"}},
			Indexes: []*Index{
				{OID: 16389, Name: "accounts_pkey", Storage: 16390, ConOID: 16391, Unique: true, Primary: true, Constraint: true,
					Keys: []IndexKey{{Column: 0, Type: types.Of(types.Int8)}}, Comment: "by number", ConComment: "the key"},
				{OID: 16392, Name: "accounts_lower_idx", Storage: 16393, NullsNotDistinct: true, Unique: true, Include: []int{2},
					Keys:  []IndexKey{{Column: -1, Expr: "lower(name)", Type: types.Of(types.Text), Desc: true, NullsFirst: true}},
					Where: "id > 10", Options: Options{{"fillfactor", "70"}}},
			},
		},
	}
}

func (goldenObjects) sequence() *Relation {
	return &Relation{
		OID: 16394, Schema: "public", Name: "accounts_id_seq", Kind: Sequence, Owner: "alice",
		Sequence: &SequenceInfo{Storage: 16395, Type: types.Int8, Start: 5, Increment: -2, Min: -100, Max: 100, Cache: 3,
			Cycle: true, OwnedBy: 16386, OwnedAttr: 1, Internal: true},
	}
}

func (goldenObjects) job() *Job {
	return &Job{
		OID: 16385, UUID: [16]byte{1, 2, 3, 0xff}, Name: "j", Owner: "alice", Text: "START JOB j AS SELECT 1",
		Sinks: []string{"public.out"}, Options: Options{{"failure_strategy", "FailBatch"}}, State: JobFailed, Failure: Failure{"08006", "broker gone", "It was at kafka:9092.", "Start it."},
		Settings: map[string]string{"TimeZone": "UTC", "DateStyle": "ISO, MDY"},
		Created:  time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC), DependsOn: []types.OID{16384, 16386}, Inlined: []types.OID{16386},
	}
}

// TestStoredFormat pins the bytes of stored objects: a binary must read what
// every earlier one wrote.
func TestStoredFormat(t *testing.T) {
	for name, value := range map[string][]byte{
		"schema":   encodeSchema(&Schema{OID: 16390, Name: "app", Owner: "alice"}),
		"relation": encodeRelation(golden.relation()),
		"table":    encodeRelation(golden.table()),
		"sequence": encodeRelation(golden.sequence()),
		"job":      encodeJob(golden.job()),
	} {
		path := filepath.Join("testdata", name+".json")
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, value, "", "\t"); err != nil {
			t.Fatal(err)
		}
		pretty.WriteByte('\n')
		if *rewrite {
			if err := os.WriteFile(path, pretty.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, name, pretty.String(), string(want))
	}
	for _, want := range []*Relation{golden.relation(), golden.table(), golden.sequence()} {
		r, err := decodeRelation(encodeRelation(want))
		if err != nil {
			t.Fatal(err)
		}
		expect(t, want.Name+" read back", r, want)
	}
	j, err := decodeJob(encodeJob(golden.job()))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "job read back", j, golden.job())
}

func TestNewerObjectsAreRefused(t *testing.T) {
	for _, value := range []string{
		`{"format":2,"oid":16390,"name":"app","owner":"alice"}`,
		`{"format":1,"oid":16390,"name":"app","owner":"alice","quota":5}`,
		`{"format":1,"oid":`,
	} {
		if _, err := decodeSchema([]byte(value)); err == nil || !strings.Contains(err.Error(), "stored object") {
			t.Errorf("decoding %s: %v, want it refused", value, err)
		}
	}
}
