package http

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Values of options.
const (
	modePoll   = "poll"
	modeEvents = "sse"

	formatJSON  = "json"
	formatLines = "lines"
	formatCSV   = "csv"

	nextLink = "link"

	asksOne  = "one"
	asksList = "list"
	asksBody = "body"
)

// sourceConfig is the declaration of a stream, read.
type sourceConfig struct {
	*requests
	events    bool
	body      []byte
	format    string
	records   path
	headed    string // csv.header
	delimiter byte
	null      string
	interval  time.Duration
	most      int64
	idle      time.Duration
	types     []string // of events; none: all

	keys   []int // of the relation's columns
	window int

	cursorParam  string
	cursorPath   path
	cursorColumn int // of the relation's columns; -1: none
	cursorStart  string

	next      string // "", nextLink, or a path's text
	nextPath  path
	nextParam string

	asked       []string // the columns that the URL has in braces
	asks        string
	connections int
}

func readSource(env *stream.Env, rel *catalog.Relation) (*sourceConfig, error) {
	v, err := stream.ReadOptions(rel, stream.RoleSource, sourceOptions)
	if err != nil {
		return nil, err
	}
	r, err := readRequests(env, rel, stream.RoleSource, v)
	if err != nil {
		return nil, err
	}
	c := &sourceConfig{requests: r, events: v.Enum("mode", modePoll, modeEvents) == modeEvents, format: v.Enum("format", formatJSON, formatLines, formatCSV),
		headed: v.Enum("csv.header", "auto", "true", "false"), null: v.String("csv.null"), interval: v.Duration("poll_interval"),
		most: v.Size("max_body", 1, 1<<30), idle: v.Duration("idle_timeout"), types: list(v.String("event")),
		window: int(v.Int("key.window", 1, 100_000)), cursorParam: v.String("cursor.param"), cursorColumn: -1, cursorStart: v.String("cursor.start"),
		next: v.String("next"), nextParam: v.String("next.param"), asks: v.Enum("lookup.keys", asksOne, asksList, asksBody), connections: int(v.Int("lookup.connections", 1, 256))}
	c.method = v.Enum("method", "GET", "POST")
	if c.body = []byte(v.String("request_body")); len(c.body) > 0 && c.method != http.MethodPost {
		v.Reject("request_body", "something only with method = 'POST'")
	}
	if len(c.body) > 0 && c.requests.header.Get("Content-Type") == "" {
		c.requests.header.Set("Content-Type", "application/json")
	}
	if d := v.String("csv.delimiter"); len(d) != 1 || strings.Contains("\"\r\n", d) {
		v.Reject("csv.delimiter", "one character such as , or ;")
	} else {
		c.delimiter = d[0]
	}
	for key, to := range map[string]*path{"records": &c.records, "cursor.path": &c.cursorPath} {
		if *to, err = parsePath(v.String(key)); err != nil {
			v.Reject(key, "a path such as data.items or result[0].rows")
		}
	}
	if c.next != "" && stream.Fold(c.next) != nextLink {
		if c.nextPath, err = parsePath(c.next); err != nil {
			v.Reject("next", "link, or a path such as paging.next")
		}
	} else {
		c.next = stream.Fold(c.next)
	}
	if _, err := stream.ReadLookup(rel, sourceOptions); err != nil && v.Err() == nil {
		return nil, err
	}
	if err := c.columns(rel, v); err != nil {
		return nil, err
	}
	c.consistent(v)
	if c.requests.header.Get("Accept") == "" {
		c.requests.header.Set("Accept", c.accept())
	}
	return c, v.Err()
}

// accept is what the service is told to be wanted.
func (c *sourceConfig) accept() string {
	switch {
	case c.events:
		return "text/event-stream"
	case c.format == formatCSV:
		return "text/csv, */*;q=0.5"
	case c.format == formatLines:
		return "application/x-ndjson, */*;q=0.5"
	}
	return "application/json, */*;q=0.5"
}

// columns finds the columns that the declaration names. Before they are inferred there
// are none to be found.
func (c *sourceConfig) columns(rel *catalog.Relation, v *stream.Values) error {
	for rest := c.text; ; {
		_, after, found := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(after, "}")
		if !found || !closed {
			break
		}
		if !slices.Contains(c.asked, name) {
			c.asked = append(c.asked, name)
		}
		rest = behind
	}
	if len(rel.Columns) == 0 {
		return nil
	}
	at := func(name string) int {
		return slices.IndexFunc(rel.Columns, func(col catalog.Column) bool { return col.Name == name })
	}
	for _, name := range c.asked {
		if at(name) < 0 {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "the URL of %q has {%s}, which is none of its columns", rel.Name, name)
		}
	}
	for _, name := range list(v.String("key")) {
		i := at(name)
		if i < 0 {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q, by which records of %q are known again, does not exist", name, rel.Name)
		}
		c.keys = append(c.keys, i)
	}
	if name := v.String("cursor.column"); name != "" {
		if c.cursorColumn = at(name); c.cursorColumn < 0 {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q, which is the cursor of %q, does not exist", name, rel.Name)
		}
	}
	return nil
}

// consistent refuses what has no use beside something else.
func (c *sourceConfig) consistent(v *stream.Values) {
	cursors := 0
	for _, given := range []bool{v.String("cursor.path") != "", v.String("cursor.column") != ""} {
		if given {
			cursors++
		}
	}
	switch {
	case v.Err() != nil:
	case c.interval < time.Millisecond:
		v.Reject("poll_interval", "at least 1ms")
	case c.cursorParam == "" && (cursors > 0 || c.cursorStart != ""):
		v.Reject("cursor.param", "the query parameter that takes the cursor")
	case c.cursorParam != "" && cursors != 1:
		v.Reject("cursor.param", "it beside one of cursor.path and cursor.column")
	case c.nextParam != "" && (c.next == "" || c.next == nextLink):
		v.Reject("next.param", "it beside a path in next")
	case c.format != formatJSON && (len(c.records) > 0 || len(c.cursorPath) > 0 || len(c.nextPath) > 0):
		v.Reject("format", "json, where records, cursor.path or next lead into the answer")
	case c.events && (len(c.keys) > 0 || c.cursorParam != "" || c.next != "" || len(c.records) > 0):
		v.Reject("mode", "poll, where there is a key, a cursor, next or records: an event says where to go on itself")
	case c.events && c.method != http.MethodGet:
		v.Reject("method", "GET with mode = 'sse'")
	case c.events && len(c.asked) > 0:
		v.Reject("mode", "poll, where the URL has the place of a key")
	case !c.events && len(c.types) > 0:
		v.Reject("event", "it with mode = 'sse'")
	case len(c.asked) > 1 && c.asks == asksList:
		v.Reject("lookup.keys", "one or body, where the URL has several keys")
	case c.asks == asksBody && c.method != http.MethodPost:
		v.Reject("lookup.keys", "body with method = 'POST'")
	}
}

// cursored reports whether requests say behind which record to go on.
func (c *sourceConfig) cursored() bool { return c.cursorParam != "" }

// at is the URL that a place asks.
func (c *sourceConfig) at(p place) (*url.URL, error) {
	if p.Page != "" && c.nextParam == "" {
		u, err := url.Parse(p.Page)
		if err != nil {
			return nil, sqlerr.Errorf(sqlerr.DataCorrupted, "%s: the position kept names no page", c.what())
		}
		return u, c.leads(c.url, u)
	}
	u := *c.url
	q := u.Query()
	if p.Has {
		q.Set(c.cursorParam, p.Cursor)
	}
	if p.Page != "" {
		q.Set(c.nextParam, p.Page)
	}
	if p.Has || p.Page != "" {
		u.RawQuery = q.Encode()
	}
	return &u, nil
}

// list splits a, b into its parts.
func list(s string) []string {
	var parts []string
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}
