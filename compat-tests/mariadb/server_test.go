package mariadb

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"testing"
)

func TestServer(t *testing.T) {
	for _, p := range []*Product{MariaDB, MySQL} {
		t.Run(p.name, func(t *testing.T) {
			if p == MySQL && os.Getenv("FERRIS_TIER") != "long" {
				t.Skip("MySQL 8 is installed for the long tier: FERRIS_TIER=long")
			}
			testServer(t, p)
		})
	}
}

func testServer(t *testing.T, p *Product) {
	s, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if err := s.Exec(t.Context(), "test", "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Crash(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := s.Open("test")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var sum int
	var format string
	if err := db.QueryRowContext(t.Context(), "SELECT sum(x), @@binlog_format FROM t").Scan(&sum, &format); err != nil || sum != 3 || format != "ROW" {
		t.Errorf("after a crash %d %s, %v, want 3 ROW", sum, format, err)
	}
	dir := s.dir
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory of a stopped server: %v, want none", err)
	}
	if c, err := net.Dial("tcp", s.Address()); err == nil {
		c.Close()
		t.Error("a stopped server still listens")
	}
}
