// Package slt holds files of SQL records with PostgreSQL's answers, runs them
// on the gateway and on a real PostgreSQL side by side, and compares every
// part of the two answers; and a generator of random queries that are compared
// the same way. The files are in testdata, one per feature:
//
//	query int4 text rowsort
//	SELECT id, name FROM emp
//	----
//	1<tab>ann
//
//	statement ok
//	SET TimeZone = 'UTC'
//
//	statement error 22012 15
//	SELECT id FROM emp WHERE 1 / 0 = 1
//	----
//	division by zero
//
// The words after query are the types of the columns; rowsort compares the
// rows without their order. Rows are lines with a tab between columns, written
// as COPY writes them: \N is NULL, \t \n \r \\ are escapes, and a row that is
// nothing but an empty text is (empty). The number after a SQLSTATE is the
// error's position; message, DETAIL and HINT follow.
//
// A line `ours error 0A000` before a record says that PostgreSQL answers as
// written and the gateway refuses with that code and a hint; `ours answers`
// that the gateway answers, otherwise than PostgreSQL. A record that is
// SQL alone has no answer yet: `go test -rewrite` asks PostgreSQL for it.
package slt

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// record is one statement of a file and the answer it must have.
type record struct {
	line     int
	comments []string // lines above it, kept by a rewrite
	ours     string   // the SQLSTATE with which the gateway refuses it, "answers", or ""
	kind     kind
	sorted   bool     // rows in their order
	types    []string // of a query
	code     string   // of an error
	position int
	sql      string
	expected []string // lines under ----
}

type kind int

const (
	unanswered kind = iota
	query
	statementOK
	statementError
)

// readFile parses a file. Text after the last record is a record without sql.
func readFile(path string) ([]record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading records: %w", err)
	}
	var records []record
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); {
		r := record{}
		for i < len(lines) && (lines[i] == "" || strings.HasPrefix(lines[i], "#")) {
			r.comments = append(r.comments, lines[i])
			i++
		}
		if i < len(lines) {
			n, err := r.parse(lines[i:])
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			r.line = i + 1
			i += n
		}
		records = append(records, r)
	}
	return records, nil
}

// parse reads one record from the head of lines and returns how many it took.
func (r *record) parse(lines []string) (int, error) {
	n := 0
	if code, ok := strings.CutPrefix(lines[n], "ours error "); ok {
		r.ours = code
		n++
	} else if lines[n] == "ours answers" {
		r.ours = "answers"
		n++
	}
	if n < len(lines) {
		known, err := r.parseHead(strings.Fields(lines[n]))
		if err != nil {
			return 0, err
		}
		if known {
			n++
		}
	}
	var sql []string
	for ; n < len(lines) && lines[n] != "" && lines[n] != "----"; n++ {
		sql = append(sql, lines[n])
	}
	if len(sql) == 0 {
		return 0, fmt.Errorf("a record without SQL")
	}
	r.sql = strings.Join(sql, "\n")
	if n < len(lines) && lines[n] == "----" {
		for n++; n < len(lines) && lines[n] != ""; n++ {
			r.expected = append(r.expected, lines[n])
		}
	}
	return n, nil
}

// parseHead reads a record's first line; false: it is SQL already.
func (r *record) parseHead(words []string) (bool, error) {
	switch {
	case words[0] == "query":
		r.kind, r.sorted, r.types = query, true, words[1:]
		if n := len(r.types); n > 0 && r.types[n-1] == "rowsort" {
			r.types, r.sorted = r.types[:n-1], false
		}
	case words[0] == "statement" && len(words) == 2 && words[1] == "ok":
		r.kind = statementOK
	case words[0] == "statement" && len(words) >= 3 && words[1] == "error":
		r.kind, r.code = statementError, words[2]
		if len(words) == 4 {
			n, err := strconv.Atoi(words[3])
			if err != nil {
				return false, fmt.Errorf("reading the position: %w", err)
			}
			r.position = n
		}
	case words[0] == "query" || words[0] == "statement":
		return false, fmt.Errorf("a head that is none: %q", strings.Join(words, " "))
	default:
		return false, nil
	}
	return true, nil
}

// answer makes a the record's expected answer.
func (r *record) answer(a *answer) {
	sorted := r.sorted
	if r.kind == unanswered {
		sorted = strings.Contains(r.sql, "ORDER BY") || len(a.rows) < 2
	}
	*r = record{line: r.line, comments: r.comments, ours: r.ours, sql: r.sql, sorted: sorted}
	switch {
	case a.err != nil:
		r.kind, r.code, r.position = statementError, a.err.Code, int(a.err.Position)
		r.expected = a.errorLines()
	case a.fields != nil:
		r.kind, r.types = query, a.types()
		r.expected = a.lines(r.sorted)
	default:
		r.kind = statementOK
	}
}

// text writes the record as the file has it.
func (r *record) text() string {
	var b strings.Builder
	for _, c := range r.comments {
		b.WriteString(c + "\n")
	}
	if r.sql == "" {
		return b.String()
	}
	switch r.ours {
	case "":
	case "answers":
		b.WriteString("ours answers\n")
	default:
		b.WriteString("ours error " + r.ours + "\n")
	}
	switch r.kind {
	case query:
		b.WriteString(strings.TrimRight("query "+strings.Join(r.types, " "), " "))
		if !r.sorted {
			b.WriteString(" rowsort")
		}
		b.WriteString("\n")
	case statementOK:
		b.WriteString("statement ok\n")
	case statementError:
		b.WriteString("statement error " + r.code)
		if r.position != 0 {
			fmt.Fprintf(&b, " %d", r.position)
		}
		b.WriteString("\n")
	}
	b.WriteString(r.sql + "\n")
	if r.kind != statementOK {
		b.WriteString("----\n")
		for _, l := range r.expected {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}
