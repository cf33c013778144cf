package slt

import (
	"context"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

var (
	seed    = flag.Uint64("seed", 1, "seed of the random queries")
	queries = flag.Int("queries", 0, "number of random queries; 0: what FERRIS_TIER says")
)

// TestRandom asks both sides random queries over random tables.
func TestRandom(t *testing.T) {
	n := 2000
	if os.Getenv("FERRIS_TIER") == "long" {
		n = 20000
	}
	testRandom(t, start(t), n)
}

// TestRandomOnDisk asks them where every operator writes to disk.
func TestRandomOnDisk(t *testing.T) {
	n := 500
	if os.Getenv("FERRIS_TIER") == "long" {
		n = 5000
	}
	testRandom(t, startWith(t, onDisk), n)
}

// testRandom asks n queries, or as many as the flag says.
func testRandom(t *testing.T, both sides, n int) {
	t.Helper()
	if *queries > 0 {
		n = *queries
	}
	r := rand.New(rand.NewPCG(*seed, 0))
	tables := randomTables(r, 7)
	var plain []table
	for _, t := range tables {
		plain = append(plain, t.table)
	}
	both.load(t, plain)
	theirs, ours := both.connect(t)
	g := newGenerator(r, tables)
	answered, failed := 0, 0
	for i := range n {
		q := g.query()
		diff, ok := askBoth(t, theirs, ours, q)
		if ok {
			answered++
		}
		if diff == "" {
			continue
		}
		q = minimise(q, func(q *randomQuery) bool { d, _ := askBoth(t, theirs, ours, q); return d != "" })
		diff, _ = askBoth(t, theirs, ours, q)
		t.Errorf("seed %d, query %d: %s\n%s", *seed, i, q, diff)
		if failed++; failed == 40 {
			t.Fatal("too many differences")
		}
	}
	t.Logf("%d queries, %d answered with rows", n, answered)
	if answered < n/2 {
		t.Errorf("only %d of %d queries were answered with rows", answered, n)
	}
}

// askBoth returns how the answers differ, and whether they are rows.
func askBoth(t *testing.T, theirs, ours *server, q *randomQuery) (diff string, rows bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sql := q.String()
	want, err := theirs.ask(ctx, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	got, err := ours.ask(ctx, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if want.err != nil && want.err.Code == "42725" || slices.ContainsFunc(want.fields, func(f pgconn.FieldDescription) bool { return f.DataTypeOID == pgtype.TimetzOID }) {
		return "", false // types that only PostgreSQL has decide
	}
	if want.err != nil && got.err != nil && (!q.exact || want.err.Code == got.err.Code && want.err.Position == 0 && got.err.Position == 0) {
		// Which row fails first is not told by SQL: the codes are compared.
		if want.err.Code == got.err.Code {
			return "", false
		}
	}
	// The planner of PostgreSQL learns some modifiers by folding constants.
	for i := range want.fields {
		if i < len(got.fields) {
			got.fields[i].TypeModifier = want.fields[i].TypeModifier
		}
	}
	if w, g := want.text(q.limit > 0), got.like(want).text(q.limit > 0); w != g && !near(want, got) {
		return difference(w, g), false
	}
	return "", want.err == nil
}

// near reports whether the answers are equal but for floats within 1e-12.
func near(want, got *answer) bool {
	if want.err != nil || got.err != nil || len(want.rows) != len(got.rows) || !slices.Equal(want.types(), got.types()) {
		return false
	}
	floats := slices.ContainsFunc(want.fields, func(f pgconn.FieldDescription) bool { return f.DataTypeOID == pgtype.Float8OID })
	if !floats {
		return false
	}
	a, b := want.lines(false), got.lines(false)
	for i := range a {
		x, y := strings.Split(a[i], "\t"), strings.Split(b[i], "\t")
		for j := range x {
			if x[j] == y[j] {
				continue
			}
			if want.fields[j].DataTypeOID != pgtype.Float8OID {
				return false
			}
			p, errP := strconv.ParseFloat(x[j], 64)
			q, errQ := strconv.ParseFloat(y[j], 64)
			if errP != nil || errQ != nil || math.Abs(p-q) > 1e-12*math.Abs(p) {
				return false
			}
		}
	}
	return true
}
