package parse

import "strings"

// Making is the text of a statement that makes a relation or a job, in parts, which
// one after the other are the whole of it.
type Making struct {
	Head string // up to the name
	Name string // as written
	// List has the brackets behind the name, and what is before them; "": there are
	// none. Columns are the names of its columns.
	List    string
	Columns []string
	As      string // up to the query; without a query all that is left
	Query   string
	Tail    string // WITH NO DATA, WITH CHECK OPTION
	// Parts are those of the name.
	Parts []string
	// Recursive: the query is that of CREATE RECURSIVE VIEW.
	Recursive bool
}

// String is the statement.
func (m *Making) String() string { return m.Head + m.Name + m.List + m.As + m.Query + m.Tail }

// MakingOf takes apart a CREATE of a stream, sink, view or job, or START JOB; false:
// the text is none.
func MakingOf(text string) (m Making, ok bool) {
	t := lex(text)
	u := &unit{tokens: t}
	i, recursive := u.madeName(0)
	if i == 0 || !t.isName(i) {
		return m, false
	}
	j := len(t.list)
	end := min(u.nameEnd(i), j)
	m.Recursive = recursive
	m.Head, m.Name = text[:t.start(i)], text[t.start(i):t.end(end-1)]
	for at := i; at < end; at += 2 {
		m.Parts = append(m.Parts, nameAt(t, at))
	}
	done := end
	if t.is(end, "(") && t.closing(end, j) < j {
		done = t.closing(end, j) + 1
		m.List = text[t.end(end-1):t.end(done-1)]
		for a := end + 1; a < done-1; {
			if t.isName(a) && !t.isAny(a, notColumns) && !t.are(a, "watermark", "for") {
				m.Columns = append(m.Columns, nameAt(t, a))
			}
			a = u.comma(a, done-1) + 1
		}
	}
	as := u.find(done, j, setOf("as"))
	if as < 0 || as+1 >= j {
		m.As = text[t.end(done-1):]
		return m, true
	}
	last := u.queryEnd(as+1, j)
	m.As, m.Query, m.Tail = text[t.end(done-1):t.start(as+1)], text[t.start(as+1):t.end(last-1)], strings.TrimRight(text[t.end(last-1):], "; \t\r\n")
	return m, true
}

// madeName is the token of the name that a statement beginning at token i gives to
// what it makes; 0: it makes nothing of that kind.
func (u *unit) madeName(i int) (at int, recursive bool) {
	switch {
	case u.are(i, "start", "job"):
		i += 2
	case u.is(i, "create"):
		for i++; u.isAny(i, adjectives); i++ {
			recursive = recursive || u.is(i, "recursive")
		}
		if !u.isAny(i, made) {
			return 0, false
		}
		i++
	default:
		return 0, false
	}
	if u.are(i, "if", "not", "exists") {
		i += 3
	}
	return i, recursive
}

// made are the words before the names of what is made.
var made = setOf("stream", "sink", "view", "job")
