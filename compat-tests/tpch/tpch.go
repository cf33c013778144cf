// Package tpch is the TPC-H benchmark as a test: a generator of its tables in
// Go, and its 22 queries with the parameters of the specification's validation
// run. PostgreSQL loads the files that the gateway declares as streams.
package tpch

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed queries
var files embed.FS

// Queries is how many there are.
const Queries = 22

// Query is the text of query n, from 1, at a scale factor.
func Query(n int, scale float64) (string, error) {
	text, err := files.ReadFile(fmt.Sprintf("queries/q%02d.sql", n))
	if err != nil {
		return "", fmt.Errorf("reading query %d: %w", n, err)
	}
	// The only parameter that depends on the scale is query 11's.
	fraction := strconv.FormatFloat(0.0001/scale, 'f', -1, 64)
	return strings.ReplaceAll(strings.TrimSpace(string(text)), ":fraction", fraction), nil
}

// Connect opens a connection as the user postgres to the database postgres,
// which PostgreSQL and the gateway have.
func Connect(ctx context.Context, addr string) (*pgconn.PgConn, error) {
	c, err := pgconn.Connect(ctx, "postgres://postgres@"+addr+"/postgres?sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	return c, nil
}

// Declare declares a stream over each of dir's files.
func Declare(ctx context.Context, c *pgconn.PgConn, dir string) error {
	for _, t := range Tables {
		sql := fmt.Sprintf("CREATE STREAM %s (%s) WITH (type = 'file', path = '%s', format = 'csv', header = 'false')",
			t.Name, t.Columns, filepath.Join(dir, t.Name+".csv"))
		if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("declaring stream %s: %w", t.Name, err)
		}
	}
	return nil
}

// Load copies dir's files into tables without indexes, and analyzes them.
func Load(ctx context.Context, c *pgconn.PgConn, dir string) error {
	for _, t := range Tables {
		if _, err := c.Exec(ctx, "DROP TABLE IF EXISTS "+t.Name+"; CREATE TABLE "+t.Name+" ("+t.Columns+")").ReadAll(); err != nil {
			return fmt.Errorf("creating table %s: %w", t.Name, err)
		}
		if err := load(ctx, c, t.Name, dir); err != nil {
			return fmt.Errorf("filling table %s: %w", t.Name, err)
		}
	}
	if _, err := c.Exec(ctx, "ANALYZE").ReadAll(); err != nil {
		return fmt.Errorf("analyzing the tables: %w", err)
	}
	return nil
}

func load(ctx context.Context, c *pgconn.PgConn, table, dir string) error {
	f, err := os.Open(filepath.Join(dir, table+".csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = c.CopyFrom(ctx, f, "COPY "+table+" FROM STDIN WITH (FORMAT csv)")
	return err
}

// Rows runs a query and returns its rows as lines of text.
func Rows(ctx context.Context, c *pgconn.PgConn, sql string) ([]string, error) {
	r := c.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	lines := make([]string, len(r.Rows))
	for i, row := range r.Rows {
		for k, v := range row {
			switch {
			case v == nil:
				lines[i] += "NULL"
			default:
				lines[i] += string(v)
			}
			if k < len(row)-1 {
				lines[i] += " | "
			}
		}
	}
	return lines, nil
}
