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
