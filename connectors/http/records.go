package http

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"net/http"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// page is an answer, cut into its records.
type page struct {
	header  []byte // the names of CSV columns, if the first line has them
	records [][]byte
	body    []byte
	answer  *answer
	last    string // of the records that were read, the last value of the cursor's column
	has     bool
}

// cut finds the records of an answer. The error is about the answer as a whole.
func (c *sourceConfig) cut(a *answer) (*page, error) {
	p := &page{body: a.body, answer: a}
	body := bytes.TrimPrefix(a.body, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(body)) == 0 {
		return p, nil
	}
	switch c.format {
	case formatLines:
		for line := range bytes.SplitSeq(body, []byte{'\n'}) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				p.records = append(p.records, line)
			}
		}
		return p, nil
	case formatCSV:
		p.records = lines(body)
		return p, nil
	}
	value, err := c.records.find(body)
	if err == nil && len(c.records) == 0 {
		value = bytes.TrimSpace(body)
	}
	switch {
	case err != nil:
	case value == nil:
		return p, nil
	case value[0] == '[':
		var all []stdjson.RawMessage
		err = stdjson.Unmarshal(value, &all)
		for _, record := range all {
			p.records = append(p.records, record)
		}
	case value[0] == '{':
		var one stdjson.RawMessage
		err = stdjson.Unmarshal(value, &one)
		p.records = [][]byte{one}
	default:
		err = fmt.Errorf("there is no array of records, and no object, but %s", c.said(value[:min(len(value), 40)]))
	}
	if err != nil {
		return nil, c.noRecords(a.header, err)
	}
	return p, nil
}

// noRecords words an answer that is not what format says.
func (c *sourceConfig) noRecords(h http.Header, err error) *sqlerr.Error {
	kind := h.Get("Content-Type")
	if kind == "" {
		kind = "none"
	}
	return sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "%s: the answer is not what format = '%s' says: %s (its Content-Type is %s)", c.what(), c.format, err.Error(), c.said([]byte(kind))).
		WithHint("Check url, format and records. on_error = 'skip' passes such answers over.")
}

// lines are those of a CSV text; a line break within quotes is part of a field.
func lines(b []byte) [][]byte {
	var all [][]byte
	from, quoted := 0, false
	add := func(line []byte) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			all = append(all, line)
		}
	}
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			add(b[from : i+1])
			from = i + 1
		}
	}
	add(b[from:])
	return all
}
