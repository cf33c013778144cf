package database

import (
	"slices"
	"strings"
)

// What a statement in a binlog means for the rows of a table.
type effect uint8

const (
	effectNone  effect = iota
	effectEmpty        // every row is gone
	effectEnds         // the table is dropped, renamed or made anew
	effectParts        // rows are gone, or have come, that the log does not name
	effectRows         // it changes rows, and the log has the statement in place of them
	effectActs         // rows change by themselves from now on
)

// statementWord is a word of a statement.
type statementWord struct {
	text   string
	quoted bool // it is a name, whatever it says
}

// is reports whether it is a keyword.
func (w statementWord) is(keywords ...string) bool {
	return !w.quoted && slices.ContainsFunc(keywords, func(k string) bool { return strings.EqualFold(k, w.text) })
}

// statementWords are the names, keywords and signs of a statement. What is in a comment
// that the server executes counts, literals do not: they are one empty word each.
func statementWords(text string) []statementWord {
	var words []statementWord
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "/*!") || strings.HasPrefix(text[i:], "/*M!"):
			i += strings.IndexByte(text[i:], '!') + 1
			for i < len(text) && text[i] >= '0' && text[i] <= '9' {
				i++
			}
		case strings.HasPrefix(text[i:], "*/"):
			i += 2
		case strings.HasPrefix(text[i:], "/*"):
			i = past(text, i+2, "*/")
		case c == '#' || strings.HasPrefix(text[i:], "-- "):
			i = past(text, i, "\n")
		case c == '`' || c == '"':
			name, end := quotedWord(text, i)
			words = append(words, statementWord{name, true})
			i = end
		case c == '\'':
			_, i = quotedWord(text, i)
			words = append(words, statementWord{"", true})
		case wordByte(c):
			end := i
			for end < len(text) && wordByte(text[end]) {
				end++
			}
			words = append(words, statementWord{text[i:end], false})
			i = end
		case c <= ' ':
			i++
		default:
			words = append(words, statementWord{text[i : i+1], false})
			i++
		}
	}
	return words
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// past is where what ends with a text has ended.
func past(text string, from int, end string) int {
	i := strings.Index(text[from:], end)
	if i < 0 {
		return len(text)
	}
	return from + i + len(end)
}

// quotedWord reads what is between quotes, which are doubled within. Double quotes are a
// literal's, with escapes, or a name's where sql_mode has ANSI_QUOTES.
func quotedWord(text string, at int) (word string, end int) {
	quote := text[at]
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (quote == '\'' || quote == '"' && (text[i+1] == '"' || text[i+1] == '\\')):
			i++
		case text[i] != quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			return b.String(), i + 1
		}
	}
	return b.String(), len(text)
}

// statementReader reads one statement.
type statementReader struct {
	words  []statementWord
	schema string // of names without one
	table  name   // that is asked about
	folds  bool   // names of tables are one in upper and lower case
}

// skip passes over keywords, as many as come.
func (r *statementReader) skip(keywords ...string) {
	for len(r.words) > 0 && r.words[0].is(keywords...) {
		r.words = r.words[1:]
	}
}

// take passes over a keyword, if it comes.
func (r *statementReader) take(keywords ...string) bool {
	if len(r.words) == 0 || !r.words[0].is(keywords...) {
		return false
	}
	r.words = r.words[1:]
	return true
}

func (r *statementReader) same(a, b string) bool {
	return a == b || r.folds && strings.EqualFold(a, b)
}

// name reads a table's name, and reports whether it is the table's that is asked about.
func (r *statementReader) name() bool {
	if len(r.words) == 0 {
		return false
	}
	n := name{r.schema, r.words[0].text}
	r.words = r.words[1:]
	if len(r.words) > 1 && r.words[0].is(".") {
		n.schema, n.table = n.table, r.words[1].text
		r.words = r.words[2:]
	}
	return r.same(n.schema, r.table.schema) && r.same(n.table, r.table.table)
}

// has reports whether keywords follow one another somewhere.
func (r *statementReader) has(keywords ...string) bool {
	for i := range r.words {
		found := i+len(keywords) <= len(r.words)
		for k := 0; found && k < len(keywords); k++ {
			found = r.words[i+k].is(keywords[k])
		}
		if found {
			return true
		}
	}
	return false
}

// effectOf is what a statement, given where the schema is the current one, does to the
// rows of a table. folds: names of tables are one in upper and lower case.
func effectOf(text, schema string, table name, folds bool) effect {
	r := &statementReader{words: statementWords(text), schema: schema, table: table, folds: folds}
	r.take("SET") // SET STATEMENT ... FOR
	if r.take("STATEMENT") {
		for len(r.words) > 0 && !r.words[0].is("FOR") {
			r.words = r.words[1:]
		}
		r.take("FOR")
	}
	switch {
	case r.take("TRUNCATE"):
		r.take("TABLE")
		if r.name() {
			return effectEmpty
		}
	case r.take("DROP"):
		return r.drop()
	case r.take("RENAME"):
		if r.take("TABLE", "TABLES") {
			return r.rename()
		}
	case r.take("CREATE"):
		if r.take("OR") && r.take("REPLACE") && r.take("TABLE") && r.name() {
			return effectEnds
		}
	case r.take("ALTER"):
		return r.alter()
	case r.take("INSERT", "UPDATE", "REPLACE", "LOAD", "CALL", "WITH", "EXECUTE"):
		return r.changes()
	case r.take("SELECT", "DO"):
		return effectRows // it is there for the function that it calls, whose changes are not
	case r.take("DELETE"):
		if len(r.words) > 4 || !r.take("FROM") {
			return r.changes()
		}
		// All of a table: a server that starts says so of those that it kept in memory.
		if r.name() {
			return effectRows
		}
	}
	return effectNone
}

// changes is for a statement that changes rows of some table: what a trigger, or a
// procedure, does is not in it.
func (r *statementReader) changes() effect {
	named := func(w statementWord) bool {
		return r.same(w.text, r.table.table) || r.same(w.text, r.table.schema)
	}
	if r.same(r.schema, r.table.schema) || slices.ContainsFunc(r.words, named) {
		return effectRows
	}
	return effectNone
}

func (r *statementReader) drop() effect {
	if r.take("DATABASE", "SCHEMA") {
		r.skip("IF", "EXISTS")
		if len(r.words) > 0 && r.same(r.words[0].text, r.table.schema) {
			return effectEnds
		}
		return effectNone
	}
	if !r.take("TABLE", "TABLES") {
		return effectNone // TEMPORARY ones among them
	}
	r.skip("IF", "EXISTS")
	for {
		if r.name() {
			return effectEnds
		}
		if !r.take(",") {
			return effectNone
		}
	}
}

func (r *statementReader) rename() effect {
	r.skip("IF", "EXISTS")
	for {
		from := r.name()
		for len(r.words) > 0 && !r.words[0].is("TO") { // WAIT n, NOWAIT
			r.words = r.words[1:]
		}
		r.take("TO")
		if to := r.name(); from || to {
			return effectEnds
		}
		if !r.take(",") {
			return effectNone
		}
	}
}

func (r *statementReader) alter() effect {
	r.skip("ONLINE", "OFFLINE", "IGNORE")
	if !r.take("TABLE") {
		return effectNone
	}
	r.skip("IF", "EXISTS")
	ours := r.name()
	if !ours {
		// It may be renamed to the table's name, or change parts with it.
		for i := range r.words {
			rest := *r
			rest.words = r.words[i+1:]
			switch {
			case r.words[i].is("RENAME"):
				rest.skip("TO", "AS", "=")
				if rest.name() {
					return effectEnds
				}
			case r.words[i].is("EXCHANGE") && rest.has("WITH", "TABLE"):
				for !rest.take("WITH") {
					rest.words = rest.words[1:]
				}
				rest.take("TABLE")
				if rest.name() {
					return effectParts
				}
			}
		}
		return effectNone
	}
	for i := range r.words {
		rest := r.words[i+1:]
		if r.words[i].is("RENAME") && len(rest) > 0 && !rest[0].is("COLUMN", "INDEX", "KEY") {
			return effectEnds
		}
	}
	for _, on := range []string{"DELETE", "UPDATE"} {
		if r.has("ON", on, "CASCADE") || r.has("ON", on, "SET", "NULL") || r.has("ON", on, "SET", "DEFAULT") {
			return effectActs
		}
	}
	if r.has("SYSTEM", "VERSIONING") {
		return effectActs
	}
	for _, parts := range []string{"TRUNCATE", "DROP", "EXCHANGE", "CONVERT", "IMPORT", "DISCARD"} {
		if r.has(parts, "PARTITION") || r.has(parts, "TABLESPACE") {
			return effectParts
		}
	}
	return effectNone
}
