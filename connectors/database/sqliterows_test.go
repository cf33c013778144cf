package database

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// fileOf is the declaration of a sink that makes its file.
func fileOf(t *testing.T) *config {
	t.Helper()
	dir := t.TempDir()
	rel := &catalog.Relation{Kind: catalog.Sink, Name: "k", Columns: []catalog.Column{{Name: "id", Type: types.Of(types.Int8)}},
		Options: catalog.Options{{Key: "connection", Value: "sqlite:" + filepath.Join(dir, "x.db")}, {Key: "create", Value: "true"}, {Key: "connection.timeout", Value: "50ms"}}}
	c, err := read(&stream.Env{FileRoots: []string{dir}, Metrics: &stream.Metrics{}}, rel, stream.RoleSink)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func connectTo(t *testing.T, c *config) session {
	t.Helper()
	on, err := c.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.close)
	return on
}

// TestSQLiteInterrupted ends a SELECT that would look for its second row for hours.
func TestSQLiteInterrupted(t *testing.T) {
	on := connectTo(t, fileOf(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := time.Now()
	err := on.rows(ctx, "SELECT n FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000) SELECT n FROM c) WHERE n = 1 OR n = 1000000000000", 1,
		func([][]byte) error {
			cancel()
			return nil
		})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the SELECT: %v", err)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %v to end", took)
	}
}

// TestSQLiteLocked: who writes while another one reads waits for connection.timeout, and
// is told what to do about it; what it is told to do helps.
func TestSQLiteLocked(t *testing.T) {
	c := fileOf(t)
	reads, writes := connectTo(t, c), connectTo(t, c)
	do := func(on session, text string) {
		t.Helper()
		if _, err := on.exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	do(writes, "CREATE TABLE k (id integer)")
	do(writes, "INSERT INTO k VALUES (1), (2)")
	written := func() (err error) {
		seen := reads.rows(t.Context(), "SELECT id FROM k", 1, func([][]byte) error {
			if err == nil {
				if err = writes.begin(t.Context()); err == nil {
					_, err = writes.exec(t.Context(), "INSERT INTO k VALUES (3)")
				}
				if err == nil {
					err = writes.commit(t.Context())
				}
				if err != nil {
					_ = writes.rollback(t.Context()) // what comes after begins anew
					err = c.failure("committing", err)
				}
			}
			return nil
		})
		if seen != nil {
			t.Error(seen)
		}
		return err
	}
	err := written()
	if e := sqlerr.From(err); sqlerr.CodeOf(err) != sqlerr.ObjectInUse || !strings.Contains(e.Hint, "PRAGMA journal_mode = WAL") {
		t.Errorf("writing while another one reads: %v, hint %q", err, e.Hint)
	}
	do(writes, "PRAGMA journal_mode = WAL")
	if err := written(); err != nil {
		t.Errorf("writing while another one reads, with WAL: %v", err)
	}
}

// TestSQLiteValues: a value comes as what it is, whatever its column is declared as, and
// what is empty is no NULL.
func TestSQLiteValues(t *testing.T) {
	for _, encoding := range []string{"UTF-8", "UTF-16le"} {
		on := connectTo(t, fileOf(t))
		for _, text := range []string{"PRAGMA encoding = '" + encoding + "'", "CREATE TABLE v (a date, b timestamp, c boolean, d text, e blob, f real, g)",
			"INSERT INTO v VALUES ('2024-01-01', 1700000000, 'yes', '', x'', 0.1, -9223372036854775808), ('no date', 'é𝄞', 7, 'a' || char(0) || 'b', zeroblob(3), 1e300, 'text'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL)"} {
			if _, err := on.exec(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		err := on.rows(t.Context(), "SELECT * FROM v", 7, func(values [][]byte) error {
			for _, v := range values {
				if v == nil {
					got = append(got, "NULL")
				} else {
					got = append(got, string(v))
				}
			}
			return nil
		})
		if want := "2024-01-01|1700000000|yes|||0.1|-9223372036854775808|no date|é𝄞|7|a\x00b|\x00\x00\x00|1e+300|text" + strings.Repeat("|NULL", 7); err != nil || strings.Join(got, "|") != want {
			t.Errorf("%s: %q, %v, want %q", encoding, strings.Join(got, "|"), err, want)
		}
		err = on.rows(t.Context(), "SELECT absent FROM v", 1, nil)
		if f := (sqliteDialect{}).fault(err); f == nil || f.code != sqlerr.UndefinedColumn {
			t.Errorf("a column that is not there: %v", err)
		}
		if err := on.rows(t.Context(), "SELECT 1, 2", 1, nil); sqlerr.CodeOf(err) != sqlerr.ProtocolViolation {
			t.Errorf("two columns where one is due: %v", err)
		}
		enough := errors.New("enough")
		if err := on.rows(t.Context(), "SELECT 1 UNION ALL SELECT 2", 1, func([][]byte) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("the row's error: %v", err)
		}
		if !on.usable() {
			t.Error("a session that was left in the middle of an answer is of no use")
		}
	}
}

// TestSQLiteRowsAllocate: reading a row makes no objects.
func TestSQLiteRowsAllocate(t *testing.T) {
	on := connectTo(t, fileOf(t))
	const rows = 5000
	n := 0
	allocated := testing.AllocsPerRun(5, func() {
		n = 0
		err := on.rows(t.Context(), "WITH RECURSIVE c(g) AS (SELECT 1000 UNION ALL SELECT g + 1 FROM c WHERE g < 5999) SELECT g, g * 7919, 'filler ' || g, g * 0.5 FROM c", 4, func([][]byte) error {
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if n != rows || allocated > rows/10 {
		t.Errorf("%d rows take %.0f objects", n, allocated)
	}
}
