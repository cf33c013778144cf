package database

import (
	"context"
	"database/sql/driver"
	"io"
	"slices"
	"strings"
	"testing"
)

// staleServer answers what transactions there are from a cache: two answers of each three
// are of before it was asked, and tell of nobody.
type staleServer struct {
	driver.Conn
	asked   int
	writing bool
	marks   map[string]bool
}

func (s *staleServer) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), nil
}

func (s *staleServer) QueryContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	if strings.Contains(text, "MAX(") {
		return &fewRows{width: 1, rows: [][]driver.Value{{"100"}}}, nil
	}
	_, rest, _ := strings.Cut(text, "/*")
	mark, _, _ := strings.Cut(rest, "*/")
	rows := &fewRows{width: 2}
	if s.asked++; s.asked%3 == 0 {
		if !s.marks[mark] {
			rows.rows = append(rows.rows, []driver.Value{"1 2024-01-01", int64(1)})
		}
		if s.writing {
			rows.rows = append(rows.rows, []driver.Value{"7 2024-01-01", int64(0)})
		}
	}
	s.marks[mark] = true
	return rows, nil
}

type fewRows struct {
	width int
	rows  [][]driver.Value
}

func (r *fewRows) Columns() []string { return make([]string, r.width) }
func (r *fewRows) Close() error      { return nil }
func (r *fewRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// TestMySQLHorizonFresh: rows are not settled by what the server said of transactions
// before it was asked.
func TestMySQLHorizonFresh(t *testing.T) {
	there := &staleServer{writing: true, marks: map[string]bool{}}
	c := &config{server: &server{dialect: mysqlDialect{}, product: "MySQL", hosts: []string{"h"}, ports: []string{"1"}}, table: name{table: "t"}}
	on := &mysqlSession{driverSession: driverSession{config: c, conn: there}}
	h := &mysqlHorizon{source: &source{config: c}, place: place{sql: "t.id", constant: func(text string) string { return text }}, lag: "t.id IS NOT NULL"}
	for range 3 {
		if got, err := h.where(t.Context(), on); err != nil || !slices.Equal(got, []string{"FALSE"}) {
			t.Errorf("while another one writes: %q, %v", got, err)
		}
	}
	there.writing = false
	if got, err := h.where(t.Context(), on); err != nil || !slices.Equal(got, []string{"t.id IS NOT NULL", "t.id <= 100"}) {
		t.Errorf("when it has ended: %q, %v", got, err)
	}
}
