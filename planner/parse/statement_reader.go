package parse

import (
	"sort"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// segment is one statement between semicolons.
type segment struct {
	from int // the byte after the semicolon before it
	i, j int // its tokens, i to before j
	stmt Statement
	// node takes PostgreSQL's tree of what main holds of the segment; nil: main
	// holds nothing of it.
	node func(*pg.Node) *sqlerr.Error
	// word and texts are Word and ColumnTexts of the statement.
	word  string
	texts ColumnTexts
	// selects counts the SELECTs read; -1: they were not read.
	selects int
}

// segments splits the tokens at semicolons. One inside brackets, or inside the
// body of a function, ends nothing.
func (u *unit) segments() []segment {
	var out []segment
	first, from, depth, atomic := 0, 0, 0, 0
	for i := range u.list {
		switch {
		case u.is(i, "("):
			depth++
		case u.is(i, ")"):
			depth = max(0, depth-1)
		case u.is(i, "atomic") && u.is(i-1, "begin") && u.createsRoutine(first):
			atomic++
		case u.is(i, "end") && atomic > 0 && (u.is(i-1, ";") || u.are(i-2, "begin", "atomic")):
			atomic--
		case u.is(i, ";") && depth == 0 && atomic == 0:
			if i > first {
				out = append(out, segment{from: from, i: first, j: i, selects: -1})
			}
			first, from = i+1, u.end(i)
		}
	}
	if first < len(u.list) {
		out = append(out, segment{from: from, i: first, j: len(u.list), selects: -1})
	}
	return out
}

// createsRoutine reports whether token i begins CREATE FUNCTION or PROCEDURE.
func (u *unit) createsRoutine(i int) bool {
	if !u.is(i, "create") {
		return false
	}
	if i++; u.are(i, "or", "replace") {
		i += 2
	}
	return u.is(i, "function") || u.is(i, "procedure")
}

// read finds what PostgreSQL has not in a segment.
func (u *unit) read(s *segment) {
	s.stmt = Statement{
		Text:       u.text[u.start(s.i):u.end(s.j-1)],
		Pos:        u.src.Char(u.start(s.i)),
		Source:     u.src,
		Directives: u.directives(s.from, u.start(s.i)),
	}
	h := head{unit: u, seg: s}
	if h.streaming() {
		return
	}
	s.stmt.Word, s.stmt.ColumnTexts = strings.ToUpper(s.word), s.texts
	s.node = func(n *pg.Node) *sqlerr.Error { s.stmt.Node = n; return nil }
	switch {
	case u.is(s.i, "fetch"), u.is(s.i, "move"):
		u.readFetch(s)
	case u.isAny(s.i, grants), u.is(s.i, "create") && !u.createsRelation(s.i, s.j):
	default:
		p := u.place(s.i, s.j)
		if p.end > p.inner && p.inner > s.i {
			s.stmt.Inner, s.stmt.InnerPos = u.text[u.start(p.inner):u.end(p.end-1)], u.src.Char(u.start(p.inner))
		}
		r := clauseReader{unit: u, end: s.j, query: p.query, main: p.main, takesInto: p.takesInto}
		r.read(s.i)
		s.take(&r)
	}
}

// take keeps what a reader found.
func (s *segment) take(r *clauseReader) {
	s.stmt.With, s.stmt.Into, s.stmt.Clauses = r.with, r.into, r.byOrdinal()
	s.selects = len(r.frames)
}

// grants are the heads of statements whose SELECT is a privilege.
var grants = setOf("grant", "revoke", "alter", "comment", "security")

// createsRelation reports whether CREATE at token i makes a table or view, the
// only things it makes that hold a query.
func (u *unit) createsRelation(i, j int) bool {
	for i++; i < j && u.list[i].kind == word; i++ {
		if u.is(i, "view") || u.is(i, "table") {
			return true
		}
		if !u.isAny(i, adjectives) {
			return false
		}
	}
	return false
}

var adjectives = setOf("or", "replace", "global", "local", "temporary", "temp", "unlogged", "recursive", "materialized", "foreign")

// placement says where a statement holds its query.
type placement struct {
	inner, end int // the statement inside this one; inner the statement itself: none
	query      int // the first token of the query; -1: none
	main       int // how many brackets are open there
	takesInto  bool
}

// begins are the keywords at which a query begins.
var begins = setOf("select", "with", "values", "table")

// explained are the heads of the statements that EXPLAIN takes.
var explained = setOf("select", "with", "values", "table", "insert", "update", "delete", "merge", "create", "declare", "execute", "refresh")

// place finds the query of the statement in the tokens from i to before j.
func (u *unit) place(i, j int) placement {
	p := placement{inner: i, end: j, query: -1}
	switch {
	case u.isAny(i, begins), u.is(i, "("):
		p.query, p.takesInto = i, true
	case u.is(i, "insert"):
		p.query = u.find(i, j, begins)
	case u.is(i, "explain"):
		for i++; u.is(i, "analyze") || u.is(i, "analyse") || u.is(i, "verbose"); i++ {
		}
		if u.is(i, "(") {
			if next := u.closing(i, j) + 1; next < j && (u.is(next, "(") || u.isAny(next, explained)) {
				i = next // the brackets held options
			}
		}
		return u.within(i, j)
	case u.is(i, "prepare"):
		return u.within(u.find(i, j, setOf("as"))+1, j)
	case u.is(i, "declare"):
		p = u.within(u.find(i, j, setOf("for"))+1, j)
		p.takesInto = false
		return p
	case u.is(i, "create"):
		as := u.find(i, j, setOf("as"))
		if as < 0 || !u.isAny(as+1, begins) && !u.is(as+1, "(") {
			return p
		}
		p = u.within(as+1, u.queryEnd(as+1, j))
		p.takesInto = false
		return p
	case u.is(i, "copy") && u.is(i+1, "("):
		p = u.within(i+2, u.closing(i+1, j))
		p.main, p.takesInto = p.main+1, false
	}
	return p
}

// within places the statement in the tokens from i to before j, which stand
// inside another; i 0 stands for none.
func (u *unit) within(i, j int) placement {
	if i <= 0 || i >= j {
		return placement{query: -1}
	}
	p := u.place(i, j)
	p.inner, p.end = i, j
	return p
}

// find returns the first token of a set from i to before j, outside brackets; -1:
// there is none.
func (u *unit) find(i, j int, set map[string]bool) int {
	for ; i < j; i++ {
		switch {
		case u.is(i, "("), u.is(i, "["):
			i = u.closing(i, j)
		case u.isAny(i, set):
			return i
		}
	}
	return -1
}

// queryEnd returns the token after the query of a view or table: WITH DATA and
// WITH CHECK OPTION are not part of it.
func (u *unit) queryEnd(i, j int) int {
	k := j
	switch {
	case u.is(j-1, "data"):
		k = j - 2
		if u.is(k, "no") {
			k--
		}
	case u.are(j-2, "check", "option"):
		k = j - 3
		if u.is(k, "cascaded") || u.is(k, "local") {
			k--
		}
	}
	if k > i && u.is(k, "with") {
		return k
	}
	return j
}

// readFetch takes the WITH ( ) list from the end of FETCH and MOVE.
func (u *unit) readFetch(s *segment) {
	for i := s.i; i < s.j; i++ {
		if !u.are(i, "with", "(") {
			continue
		}
		end := u.closing(i+1, s.j)
		if end >= s.j {
			return
		}
		s.stmt.With = u.pairs(i+2, end)
		u.drop(i, end+1)
		if end+1 < s.j {
			u.fail(u.syntaxError(end + 1))
		}
		return
	}
}

// known are the keys of directives.
var known = setOf("JOB", "NAME", "TOPIC", "MEMORY_LIMIT", "TIMEOUT", "SQL APPLICATION")

// directives returns the '-- KEY: value' lines between two bytes whose key is a
// known one, keys in capitals.
func (u *unit) directives(from, to int) map[string]string {
	var m map[string]string
	first := sort.Search(len(u.notes), func(i int) bool { return u.notes[i].start >= from })
	for _, n := range u.notes[first:] {
		if n.end > to {
			break
		}
		key, value, ok := strings.Cut(strings.TrimLeft(u.text[n.start:n.end], "-"), ":")
		key, value = strings.ToUpper(strings.TrimSpace(key)), strings.TrimSpace(value)
		if !ok || !known[key] || value == "" {
			continue
		}
		if m == nil {
			m = make(map[string]string)
		}
		m[key] = value
	}
	return m
}
