package parse

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// pattern is a spelling's words, one by one.
type pattern struct {
	*spelling
	words []string
}

// spellings are the statements by their first word.
var spellings = func() map[string][]pattern {
	m := map[string][]pattern{}
	for i := range statements {
		w := strings.Fields(statements[i].words)
		m[w[0]] = append(m[w[0]], pattern{&statements[i], w})
	}
	return m
}()

// foreign is a statement of another database while what to write instead is made of it.
type foreign struct {
	*head
	name  int // the token of its name, or of what stands for one
	after int // the token behind its words
	list  int // the bracket of its columns; 0: it has none
	with  int // the bracket of its options; 0: it has none
}

// dialect refuses a statement that another streaming database has, with what to write
// here; false: it is none.
func (h *head) dialect() bool {
	for _, p := range spellings[strings.ToLower(h.at(h.seg.i))] {
		f, ok := h.match(p.words)
		if !ok {
			continue
		}
		at := h.seg.i
		if withOptions[p.what] {
			if at = f.foreignOption(); at < 0 {
				continue
			}
		}
		h.drop(h.seg.i, h.seg.j)
		h.fail(sqlerr.Unsupported(f.fill(p.hint), "%s is not supported", p.what).At(h.src.Char(h.start(at))))
		return true
	}
	return false
}

// match compares the statement with the words of a spelling.
func (h *head) match(words []string) (*foreign, bool) {
	f := &foreign{head: h}
	i, j := h.seg.i, h.seg.j
	for n, w := range words {
		switch w {
		case "_":
			i, _ = h.ifNotExists(i)
			if i >= j || !h.isName(i) {
				return nil, false
			}
			f.name = i
			i = min(h.nameEnd(i), j)
		case "*":
			next := words[n+1]
			for i < j && !h.is(i, next) {
				if h.is(i, "(") {
					i = h.closing(i, j)
				}
				i++
			}
			if i >= j {
				return nil, false
			}
		default:
			if i >= j || !h.is(i, w) && !h.says(i, w) {
				return nil, false
			}
			if w == "(" && words[n-1] == "_" {
				f.list = i
			}
			i++
		}
	}
	f.after = i
	if f.name == 0 {
		f.name, _ = h.ifNotExists(i)
	}
	f.places()
	return f, true
}

// says reports whether token i is a string that a spelling wants.
func (h *head) says(i int, w string) bool {
	return w[0] == '\'' && h.tokens.list[i].kind == str && (w == "'*'" || strings.EqualFold(h.at(i), w))
}

// places finds the lists behind a statement's name.
func (f *foreign) places() {
	for i := f.name + 1; i < f.seg.j; i++ {
		switch {
		case f.are(i, "with", "(") && f.with == 0:
			f.with = i + 1
			i = f.closing(i+1, f.seg.j)
		case f.is(i, "("):
			if f.list == 0 && f.with == 0 && i == f.nameEnd(f.name) {
				f.list = i
			}
			i = f.closing(i, f.seg.j)
		}
	}
}

// foreignOption is the token of an option that no connector here has; -1: none is.
func (f *foreign) foreignOption() int {
	found := -1
	f.eachOption(func(key, _ string, at int) {
		if found < 0 && foreignOptions[key] {
			found = at
		}
	})
	return found
}

// eachOption goes through the options: their keys in lower case, their values as
// written.
func (f *foreign) eachOption(do func(key, value string, at int)) {
	if f.with == 0 {
		return
	}
	end := f.closing(f.with, f.seg.j)
	for i := f.with + 1; i < end; {
		last := f.comma(i, end)
		for e := i; e < last; e++ {
			if f.is(e, "=") && e > i && e+1 < last {
				key := strings.ToLower(strings.NewReplacer("'", "", `"`, "").Replace(f.text[f.start(i):f.end(e-1)]))
				do(key, f.text[f.start(e+1):f.end(last-1)], i)
				break
			}
		}
		i = last + 1
	}
}

// fill writes a hint for the statement.
func (f *foreign) fill(hint string) string {
	for place, text := range map[string]func() string{
		"<name>": f.nameText, "<rows>": f.rows, "<query>": f.query, "<rest>": f.rest, "<stream>": f.stream, "<into>": f.into,
		"<after>": func() string { return f.nameAt(f.after) },
	} {
		if strings.Contains(hint, place) {
			hint = strings.ReplaceAll(hint, place, text())
		}
	}
	return hint
}

// nameAt is the dotted name at token i as it is written, that of a string where one
// stands there; "name": there is none.
func (f *foreign) nameAt(i int) string {
	switch {
	case i >= f.seg.j:
		return "name"
	case f.quotes(i):
		return catalog.QuoteName(strings.Trim(f.at(i), "'"))
	case !f.isName(i):
		return "name"
	}
	return f.text[f.start(i):f.end(min(f.nameEnd(i), f.seg.j)-1)]
}

// quotes reports whether token i is a string.
func (f *foreign) quotes(i int) bool { return f.tokens.list[i].kind == str }

func (f *foreign) nameText() string { return f.nameAt(f.name) }

// rows is a query for what SUBSCRIBE and its like name.
func (f *foreign) rows() string {
	if f.is(f.after, "(") {
		if end := f.closing(f.after, f.seg.j); end < f.seg.j && end > f.after+1 {
			return f.text[f.start(f.after+1):f.end(end-1)]
		}
	}
	return "SELECT * FROM " + f.nameAt(f.after)
}

// query is the statement's query, without what is behind it.
func (f *foreign) query() string {
	as := f.find(f.name+1, f.seg.j, setOf("as"))
	if as < 0 || as+1 >= f.seg.j {
		return "SELECT ..."
	}
	end := as + 1
	for end < f.seg.j && !f.is(end, "emit") && !f.are(end, "with", "(") && !f.are(end, "partition", "by") {
		if f.is(end, "(") {
			end = min(f.closing(end, f.seg.j), f.seg.j-1)
		}
		end++
	}
	return f.text[f.start(as+1):f.end(end-1)]
}

func (f *foreign) rest() string {
	if f.after >= f.seg.j {
		return "INSERT INTO sink SELECT ..."
	}
	return f.text[f.start(f.after):f.end(f.seg.j-1)]
}

// stream is CREATE STREAM with the statement's name, columns and options.
func (f *foreign) stream() string {
	return "CREATE STREAM " + f.nameText() + f.columns() + " WITH (" + strings.Join(f.options(""), ", ") + ")"
}

// into is INTO with the statement's options; of a stream the sink is another thing.
func (f *foreign) into() string {
	name := f.nameText()
	if !f.is(f.seg.i+1, "sink") {
		name = strings.TrimSuffix(name, `"`) + "_topic"
		if name[0] == '"' {
			name += `"`
		}
	}
	return "INTO " + name + " WITH (" + strings.Join(f.options(strings.Trim(name, `"`)+"."), ", ") + ")"
}

// options are the options as they are called here, each with a prefix.
func (f *foreign) options(prefix string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(key, value string) {
		if !seen[key] {
			seen[key] = true
			out = append(out, "'"+prefix+key+"' = "+value)
		}
	}
	f.eachOption(func(key, value string, _ int) {
		name, known := optionNames[key]
		switch {
		case known && name == "":
			return
		case !known:
			name = strings.TrimPrefix(key, "properties.")
		}
		if key == "kafka_topic" {
			add("type", "'kafka'")
		}
		if key == "format" && f.are(f.closing(f.with, f.seg.j)+1, "format") {
			return
		}
		if key == "type" {
			name = "type"
		}
		plain := strings.ToLower(strings.Trim(value, "'"))
		if to, ok := optionValues[name][plain]; ok {
			if to == "" {
				return
			}
			value = "'" + to + "'"
		}
		add(name, value)
	})
	if i := f.find(f.name, f.seg.j, setOf("encode")); i > 0 && i+1 < f.seg.j {
		format := strings.ToLower(f.at(i + 1))
		if f.is(i-1, "debezium") {
			format = "debezium-" + format
		}
		if to := optionValues["format"][format]; to != "" {
			add("format", "'"+to+"'")
		}
	}
	if len(out) == 0 {
		add("type", "'kafka'")
		add("topic", "'...'")
	}
	return out
}

// columns is the list of columns in the words of CREATE STREAM; "": there is none.
func (f *foreign) columns() string {
	if f.list == 0 {
		return ""
	}
	end := f.closing(f.list, f.seg.j)
	var parts []string
	for i := f.list + 1; i < end; {
		last := f.comma(i, end)
		for f.angled(i, last) && last < end { // a comma within <>
			last = f.comma(last+1, end)
		}
		if part := f.column(i, last); part != "" {
			parts = append(parts, part)
		}
		i = last + 1
	}
	f.eachOption(func(key, value string, _ int) {
		if column := strings.Trim(value, "'"); key == "timestamp" {
			parts = append(parts, "WATERMARK FOR "+column+" AS "+column)
		}
	})
	return " (" + strings.Join(parts, ", ") + ")"
}

// angled reports whether an angle bracket is open behind the tokens from i to before j.
func (f *foreign) angled(i, j int) bool {
	open := 0
	for ; i < j; i++ {
		if f.tokens.list[i].kind == op {
			open += strings.Count(f.at(i), "<") - strings.Count(f.at(i), ">")
		}
	}
	return open > 0
}

// column writes the part of a list in the tokens from i to before j; "": there is no
// such column here.
func (f *foreign) column(i, j int) string {
	if f.is(i+1, "as") && f.isName(i) && i+2 < j {
		if f.is(i+2, "proctime") {
			return ""
		}
		return f.at(i) + " timestamptz GENERATED ALWAYS AS (" + f.text[f.start(i+2):f.end(j-1)] + ") STORED"
	}
	var b strings.Builder
	for k := i; k < j; k++ {
		if k > i && f.start(k) > f.end(k-1) && b.Len() > 0 {
			b.WriteByte(' ')
		}
		switch {
		case k > i && f.isAny(k, nested) && strings.HasPrefix(f.at(k+1), "<"):
			b.WriteString("jsonb")
			for k++; k < j-1 && f.angled(i, k+1); k++ {
			}
		case k > i && f.is(k, "timestamp_ltz"):
			b.WriteString("timestamptz")
		case k > i && f.is(k, "metadata"):
			b.WriteString("GENERATED ALWAYS AS (_timestamp) STORED")
			for ; k+1 < j && (f.is(k+1, "from") || f.quotes(k+1) || f.is(k+1, "virtual")); k++ {
			}
		case k > i && f.are(k, "not", "enforced"):
			k++
		case k > i && k == j-1 && f.is(k, "key") && !f.is(k-1, "primary"):
		default:
			b.WriteString(f.at(k))
		}
	}
	return strings.TrimSpace(b.String())
}

// refusedClause refuses the clause of another streaming database at token i; false: it
// is none.
func (r *clauseReader) refusedClause(i int) bool {
	for _, c := range clauses {
		if r.is(i, c.first) && r.is(i+1, c.second) && !r.is(i-1, ".") && r.endsOperand(i-1) {
			r.fail(sqlerr.Unsupported(c.hint, "%s is not supported", c.what).At(r.src.Char(r.start(i))))
			return true
		}
	}
	return false
}
