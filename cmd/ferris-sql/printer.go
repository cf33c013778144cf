package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// printer writes rows as they come. A table's columns are as wide as its first
// rows need: it holds rows back until a short pause or a screenful, so that a
// live query prints at once and a bounded one is aligned.
type printer struct {
	format string
	out    *bufio.Writer

	mu     sync.Mutex
	names  []string
	types  []uint32
	held   [][]string
	widths []int // nil: the head is not printed
	pause  *time.Timer
	err    error // of the output
}

const (
	printPause  = 50 * time.Millisecond
	printScreen = 1000
)

func newPrinter(format string, out io.Writer) (*printer, error) {
	switch format {
	case "table", "csv", "json-lines":
		return &printer{format: format, out: bufio.NewWriterSize(out, 64<<10)}, nil
	}
	return nil, fmt.Errorf("--format %q: expected table, csv or json-lines", format)
}

// begin starts a result of the named columns; types are their OIDs.
func (p *printer) begin(names []string, types []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names, p.types, p.held, p.widths = names, types, nil, nil
	if p.format == "csv" && len(names) > 0 {
		p.csv(names)
	}
}

// row prints one row; a nil value is NULL. It keeps nothing of values.
func (p *printer) row(values [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = string(v)
	}
	switch p.format {
	case "csv":
		p.csv(cells)
	case "json-lines":
		p.json(values)
	default:
		p.held = append(p.held, cells)
		if len(p.held) >= printScreen {
			p.flushTable()
		}
	}
	if p.pause == nil {
		p.pause = time.AfterFunc(printPause, p.tick)
	}
}

// end finishes the result; tag is the server's command tag, "" where the
// statement failed or was cut short: then no head stands over no rows.
func (p *printer) end(tag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.format == "table" {
		switch {
		case len(p.held) > 0, tag != "" && len(p.names) > 0:
			p.flushTable()
		case strings.HasPrefix(tag, "COPY "): // its rows are out, and stand alone
		case tag != "":
			fmt.Fprintln(p.out, tag)
		}
		if n, ok := strings.CutPrefix(tag, "SELECT "); ok && len(p.names) > 0 {
			unit := "rows"
			if n == "1" {
				unit = "row"
			}
			fmt.Fprintf(p.out, "(%s %s)\n\n", n, unit)
		}
	}
	p.flush()
}

// tick prints what is held after a pause in the rows.
func (p *printer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause = nil
	if p.format == "table" && len(p.held) > 0 {
		p.flushTable()
	}
	p.flush()
}

// flush keeps the first error of the output; Err returns it.
func (p *printer) flush() {
	if err := p.out.Flush(); err != nil && p.err == nil {
		p.err = err
	}
}

// Err is why the output can take no more, nil while it can.
func (p *printer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *printer) csv(cells []string) {
	w := csv.NewWriter(p.out)
	if err := w.Write(cells); err != nil && p.err == nil {
		p.err = err
	}
	w.Flush()
}

func (p *printer) json(values [][]byte) {
	p.out.WriteByte('{')
	for i, v := range values {
		if i > 0 {
			p.out.WriteByte(',')
		}
		p.string(p.names[i])
		p.out.WriteByte(':')
		p.value(v, p.types[i])
	}
	p.out.WriteString("}\n")
}

// value writes a value as JSON has it: numbers, booleans and documents are
// themselves, everything else, and what JSON has no number for, is a string.
func (p *printer) value(v []byte, oid uint32) {
	switch {
	case v == nil:
		p.out.WriteString("null")
		return
	case oid == pgtype.BoolOID:
		p.out.WriteString(strconv.FormatBool(string(v) == "t"))
		return
	}
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID,
		pgtype.JSONOID, pgtype.JSONBOID:
		var line bytes.Buffer
		if json.Compact(&line, v) == nil {
			p.out.Write(line.Bytes())
			return
		}
	}
	p.string(string(v))
}

func (p *printer) string(s string) {
	b, err := json.Marshal(s)
	if err != nil { // a string always marshals
		panic(err)
	}
	p.out.Write(b)
}
