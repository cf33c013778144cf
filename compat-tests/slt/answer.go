package slt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// server is one side: a connection, and the notices that came over it.
type server struct {
	name    string
	conn    *pgconn.PgConn
	notices []string
}

// connect opens a connection as the user postgres to the database postgres,
// which both sides have.
func connect(ctx context.Context, name, addr string) (*server, error) {
	config, err := pgconn.ParseConfig("postgres://postgres@" + addr + "/postgres?sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("configuring the connection to %s: %w", name, err)
	}
	s := &server{name: name}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		s.notices = append(s.notices, n.Severity+" "+n.Code+" "+n.Message)
	}
	if s.conn, err = pgconn.ConnectConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", name, err)
	}
	return s, nil
}

// answer is everything that a client sees of one statement.
type answer struct {
	fields  []pgconn.FieldDescription // nil: no rows could come
	rows    [][][]byte
	tag     string
	err     *pgconn.PgError
	notices []string
	status  byte // of the transaction, after it
}

// ask runs one statement in the simple protocol. The error is of the
// connection, not of the statement.
func (s *server) ask(ctx context.Context, sql string) (*answer, error) {
	s.notices = nil
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	a := &answer{notices: s.notices, status: s.conn.TxStatus()}
	if err != nil && !errors.As(err, &a.err) {
		return nil, fmt.Errorf("asking %s: %w", s.name, err)
	}
	if len(results) > 1 {
		return nil, fmt.Errorf("%d statements in one record", len(results))
	}
	if len(results) == 1 {
		a.fields, a.rows, a.tag = results[0].FieldDescriptions, results[0].Rows, results[0].CommandTag.String()
	}
	return a, nil
}

// askExtended runs one statement in the extended protocol, with results in
// text.
func (s *server) askExtended(ctx context.Context, sql string) (*answer, error) {
	s.notices = nil
	r := s.conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	a := &answer{notices: s.notices, status: s.conn.TxStatus(), fields: r.FieldDescriptions, rows: r.Rows, tag: r.CommandTag.String()}
	if r.Err != nil && !errors.As(r.Err, &a.err) {
		return nil, fmt.Errorf("asking %s: %w", s.name, r.Err)
	}
	return a, nil
}

// typeMap knows the names of PostgreSQL's types.
var typeMap = pgtype.NewMap()

func typeName(oid uint32) string {
	if t, ok := typeMap.TypeForOID(oid); ok {
		return t.Name
	}
	if oid >= 16384 { // numbered anew by each server
		return "composite"
	}
	return strconv.FormatUint(uint64(oid), 10)
}

func (a *answer) types() []string {
	names := make([]string, len(a.fields))
	for i, f := range a.fields {
		names[i] = typeName(f.DataTypeOID)
	}
	return names
}

var escapes = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// lines are the rows as a file has them.
func (a *answer) lines(inOrder bool) []string {
	out := make([]string, len(a.rows))
	for i, row := range a.rows {
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = `\N`
			if cell != nil {
				cells[j] = escapes.Replace(string(cell))
			}
		}
		if out[i] = strings.Join(cells, "\t"); out[i] == "" {
			out[i] = "(empty)"
		}
	}
	if !inOrder {
		slices.Sort(out)
	}
	return out
}

func (a *answer) errorLines() []string {
	out := []string{escapes.Replace(a.err.Message)}
	if a.err.Detail != "" {
		out = append(out, "DETAIL: "+escapes.Replace(a.err.Detail))
	}
	if a.err.Hint != "" {
		out = append(out, "HINT: "+escapes.Replace(a.err.Hint))
	}
	return out
}

// like returns the answer without what may differ from want's: a hint where
// want has none.
func (a *answer) like(want *answer) *answer {
	if a.err == nil || want.err == nil || want.err.Hint != "" {
		return a
	}
	c, e := *a, *a.err
	e.Hint = ""
	c.err = &e
	return &c
}

// text is the whole answer, for a message and for comparison: what differs in
// it, differs.
func (a *answer) text(inOrder bool) string {
	var b strings.Builder
	if a.err != nil {
		fmt.Fprintf(&b, "%s %s at %d: %s\n", a.err.Severity, a.err.Code, a.err.Position, strings.Join(a.errorLines(), "\n  "))
	} else {
		for _, f := range a.fields {
			fmt.Fprintf(&b, "%s %s(%d,%d); ", f.Name, typeName(f.DataTypeOID), f.TypeModifier, f.DataTypeSize)
		}
		for _, l := range a.lines(inOrder) {
			b.WriteString("\n  " + l)
		}
		fmt.Fprintf(&b, "\n%s\n", a.tag)
	}
	for _, n := range a.notices {
		b.WriteString(n + "\n")
	}
	fmt.Fprintf(&b, "status %c\n", a.status)
	return b.String()
}
