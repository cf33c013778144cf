package slt

import (
	"context"
	"embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// table is a table of PostgreSQL and a file stream of the gateway over the
// same CSV.
type table struct {
	name    string
	columns string // as CREATE TABLE has them
	csv     string
}

//go:embed testdata/tables
var tableFiles embed.FS

// fixedTables are those of testdata/tables: the first line of a file declares
// the columns, the rest is CSV where an unquoted empty field is NULL.
func fixedTables() ([]table, error) {
	dir := "testdata/tables"
	entries, err := tableFiles.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the tables: %w", err)
	}
	var out []table
	for _, e := range entries {
		text, err := tableFiles.ReadFile(dir + "/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading a table: %w", err)
		}
		columns, csv, _ := strings.Cut(string(text), "\n")
		out = append(out, table{name: strings.TrimSuffix(e.Name(), ".csv"), columns: columns, csv: csv})
	}
	return out, nil
}

// loadPostgres creates the table and fills it.
func (t table) loadPostgres(ctx context.Context, s *server) error {
	if _, err := s.conn.Exec(ctx, "CREATE TABLE "+t.name+" ("+t.columns+")").ReadAll(); err != nil {
		return fmt.Errorf("creating table %s: %w", t.name, err)
	}
	if _, err := s.conn.CopyFrom(ctx, io.Reader(strings.NewReader(t.csv)), "COPY "+t.name+" FROM STDIN WITH (FORMAT csv)"); err != nil {
		return fmt.Errorf("filling table %s: %w", t.name, err)
	}
	return nil
}

// declare writes the rows into a file of dir and declares a stream over it.
func (t table) declare(ctx context.Context, s *server, dir string) error {
	path := filepath.Join(dir, t.name+".csv")
	if err := os.WriteFile(path, []byte(t.csv), 0o644); err != nil {
		return fmt.Errorf("writing table %s: %w", t.name, err)
	}
	sql := "CREATE STREAM " + t.name + " (" + t.columns + ") WITH (type = 'file', path = '" + path + "', format = 'csv', header = 'false')"
	if _, err := s.conn.Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("declaring stream %s: %w", t.name, err)
	}
	return nil
}
