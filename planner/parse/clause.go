package parse

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// frame is one SELECT while its tokens are read.
type frame struct {
	ordinal int
	from    bool // its FROM has been seen
	reads   bool // a SELECT before it, which UNION or its like joins it to, has one
	joins   int
	clauses *SelectClauses
}

// depth is a bracket that is open. A SELECT at it makes a frame of its own; until
// then the frame is that of the brackets around it.
type depth struct {
	frame *frame
	own   bool // a SELECT stands at this depth
	// adopted: it stood in brackets of the query's own, (SELECT ...) UNION (SELECT ...).
	adopted bool
	// pending are the joins whose ON is due; condition is the join whose ON or
	// USING came last, -1: none.
	pending   []int
	condition int
}

// clauseReader goes through the tokens of one statement and takes the streaming
// clauses out of it.
type clauseReader struct {
	*unit
	end    int // the token after the statement's last
	depths []depth
	frames []*frame
	// main is the depth of the statement's own query, at which INTO and WITH
	// are the statement's; query is its first token. -1: it has none.
	main, query int
	// takesInto: the statement may write INTO sinks. streaming: its head is not
	// PostgreSQL's, so that every INTO is such a list.
	takesInto, streaming bool

	with  []Pair
	into  []Name
	cut   []span // what SelectText leaves out: INTO and WITH, by token
	plain int    // the token of an INTO that may be PostgreSQL's own; -1: none
}

// followers are the keywords that may come after a streaming clause.
var followers = setOf("where", "group", "having", "window", "order", "limit", "offset", "fetch", "for", "union", "intersect",
	"except", "emit", "into", "with", "from", "on", "returning")

// joiners are those that may come after WITHIN too.
var joiners = setOf("join", "inner", "left", "right", "full", "cross", "natural", "using", "within")

// windows are the kinds of WINDOW.
var windows = setOf("tumbling", "hopping", "sliding", "session", "cumulate")

// read takes the clauses out of the tokens from i to the statement's end.
func (r *clauseReader) read(i int) {
	r.depths = []depth{{condition: -1}}
	r.plain = -1
	for i < r.end {
		i = r.token(i)
	}
	if r.plain >= 0 && (r.streaming || len(r.with) > 0 || len(r.into) > 0) {
		r.takeInto(r.plain)
	}
}

// token reads the token i, and the clause that begins there; it returns the next.
func (r *clauseReader) token(i int) int {
	top := &r.depths[len(r.depths)-1]
	switch t := r.list[i]; {
	case t.kind == punct:
		switch r.text[t.start] {
		case '(', '[':
			r.depths = append(r.depths, depth{frame: top.frame, condition: -1})
		case ')', ']':
			if len(r.depths) > 1 {
				last := *top
				r.depths = r.depths[:len(r.depths)-1]
				up := &r.depths[len(r.depths)-1]
				if last.own && (!up.own || up.adopted) && r.atMain(i) && r.list[i].pair >= 0 && r.opensQuery(int(r.list[i].pair)) {
					*up = last
					up.adopted = true
				}
			}
		}
		return i + 1
	case t.kind != word, r.is(i-1, "."):
		return i + 1
	case r.is(i, "select") && (!top.own || r.joinsSets(i-1)):
		f := &frame{ordinal: len(r.frames), clauses: &SelectClauses{}}
		if top.own && top.frame != nil {
			f.reads = top.frame.from || top.frame.reads
		}
		r.frames = append(r.frames, f)
		*top = depth{frame: f, own: true, condition: -1}
		return i + 1
	case top.frame == nil || r.is(i-1, "as"):
		if r.is(i, "with") && r.is(i+1, "(") && r.atMain(i) {
			return r.readWith(i)
		}
		return i + 1
	}
	return r.clause(i, top)
}

// atMain reports whether token i is inside the statement's own query.
func (r *clauseReader) atMain(i int) bool {
	return r.query >= 0 && i > r.query && len(r.depths)-1 == r.main
}

// opensQuery reports whether the bracket at token i holds a branch of the
// statement's own query.
func (r *clauseReader) opensQuery(i int) bool {
	return i == r.query || r.joinsSets(i-1)
}

// joinsSets reports whether token i is UNION, INTERSECT or EXCEPT, or ALL or
// DISTINCT after it. SELECT after a SELECT of the same brackets and not after one
// of these is the name of a column.
func (r *clauseReader) joinsSets(i int) bool {
	if r.is(i, "all") || r.is(i, "distinct") {
		i--
	}
	return r.is(i, "union") || r.is(i, "intersect") || r.is(i, "except")
}

// endsFetch reports whether token i ends FETCH FIRST n ROWS ONLY.
func (r *clauseReader) endsFetch(i int) bool {
	return r.is(i, "only") && (r.is(i-1, "rows") || r.is(i-1, "row"))
}

// clause reads a word of a SELECT.
func (r *clauseReader) clause(i int, top *depth) int {
	f := top.frame
	switch {
	case r.is(i, "from"):
		if !(r.is(i-1, "distinct") && (r.is(i-2, "is") || r.is(i-2, "not"))) {
			f.from = f.from || top.own
		}
	case r.is(i, "join"):
		if !r.withoutCondition(i) {
			top.pending = append(top.pending, f.joins)
		}
		f.joins++
	case r.is(i, "on") || r.is(i, "using") && r.is(i+1, "("):
		if n := len(top.pending); n > 0 {
			top.condition, top.pending = top.pending[n-1], top.pending[:n-1]
		}
	case r.is(i, "within") && top.condition >= 0 && !r.is(i+1, "group") && !r.is(i+1, ".") && r.endsOperand(i-1):
		return r.readWithin(i, top)
	case r.is(i, "for") && r.is(i+1, "system_time"):
		return r.readAsOf(i, top)
	case r.is(i, "window") && f.from && top.own && r.isAny(i+1, windows) && r.is(i+2, "("):
		return r.readWindow(i, f)
	case r.is(i, "window") && f.from && top.own && r.isName(i+1) && r.is(i+2, "("):
		r.fail(r.syntaxError(i+1).WithHint("%s", windowKinds))
		return i + 2
	case f.from && top.own && r.refusedClause(i):
		return i + 2
	case r.is(i, "emit") && f.from && top.own && r.are(i+1, "on", "window", "close") && (r.endsOperand(i-1) || r.endsFetch(i-1)):
		return r.readEmit(i, f)
	case r.is(i, "emit") && (f.from || f.reads) && top.own && (r.is(i+1, "changes") || r.is(i+1, "final")) && (r.endsOperand(i-1) || r.endsFetch(i-1)):
		return r.readEmit(i, f)
	case r.is(i, "emit") && !f.from && top.own && (r.is(i+1, "changes") || r.is(i+1, "final")) && r.endsOperand(i-1):
		r.fail(sqlerr.Unsupported("Read a stream or a table: SELECT ... FROM name EMIT CHANGES.", "EMIT needs a stream or a table to read").
			At(r.src.Char(r.start(i))))
		return i + 1
	case r.is(i, "into") && r.takesInto && top.own && r.atMain(i) && !r.is(i-1, "insert") && !r.is(i-1, "merge"):
		return r.readInto(i, f)
	case r.is(i, "with") && r.is(i+1, "("):
		if r.atMain(i) {
			return r.readWith(i)
		}
		if top.own && f.from {
			r.fail(sqlerr.Errorf(sqlerr.SyntaxError, "WITH options belong at the end of the statement, not in a subquery").
				At(r.src.Char(r.start(i))).WithHint("Write them once at the end, each key after its stream's name: WITH ('name.key' = 'value')."))
			return r.closing(i+1, r.end)
		}
	}
	return i + 1
}

// withoutCondition reports whether JOIN at token i is CROSS or NATURAL.
func (r *clauseReader) withoutCondition(i int) bool {
	for i--; r.is(i, "outer") || r.is(i, "inner") || r.is(i, "left") || r.is(i, "right") || r.is(i, "full"); i-- {
	}
	return r.is(i, "cross") || r.is(i, "natural")
}

// until returns the end of an expression that begins at token i: the next word
// that may follow a streaming clause, comma, or closing bracket.
func (r *clauseReader) until(i int) int {
	for start := i; i < r.end; i++ {
		switch {
		case r.is(i, "("), r.is(i, "["):
			i = r.closing(i, r.end)
			if i >= r.end {
				return r.end
			}
		case r.is(i, ")"), r.is(i, "]"), r.is(i, ","), r.is(i, ";"):
			return i
		case i > start && r.list[i].kind == word && !r.isLabel(i) && (r.isAny(i, followers) || r.isAny(i, joiners) || r.is(i, "grace")):
			return i
		}
	}
	return r.end
}

// follows checks that what comes after a clause may come there: taken out, the
// clause would let PostgreSQL read the words on both sides as one.
func (r *clauseReader) follows(i int) int {
	if i < r.end && !r.is(i, ")") && !r.isAny(i, followers) {
		r.fail(r.syntaxError(i))
	}
	return i
}

// readEmit reads EMIT CHANGES or EMIT FINAL, which is EMIT ON WINDOW CLOSE in RisingWave.
func (r *clauseReader) readEmit(i int, f *frame) int {
	if f.clauses.Emit != "" {
		r.fail(r.syntaxError(i))
	}
	f.clauses.Emit, f.clauses.EmitPos = "CHANGES", r.src.Char(r.start(i))
	end := i + 2
	switch {
	case r.is(i+1, "final"):
		f.clauses.Emit = "FINAL"
	case r.is(i+1, "on"):
		f.clauses.Emit, end = "FINAL", i+4
	}
	r.drop(i, end)
	return r.follows(end)
}

// readWithin reads WITHIN expr, WITHIN (expr) or WITHIN (before, after).
func (r *clauseReader) readWithin(i int, top *depth) int {
	end := r.until(i + 1)
	w := Within{Join: top.condition, Pos: r.src.Char(r.start(i))}
	for _, other := range top.frame.clauses.Within {
		if other.Join == w.Join {
			r.fail(r.syntaxError(i))
		}
	}
	if r.is(i+1, "(") && r.closing(i+1, r.end) == end-1 {
		list := r.exprs(i+2, end-1)
		if len(list) > 2 {
			r.fail(r.syntaxError(r.comma(r.comma(i+2, end-1)+1, end-1)))
		}
		if len(list) > 0 {
			w.Before, w.After = list[0], list[len(list)-1]
		}
	} else {
		w.Before = r.expr(i+1, end)
		w.After = w.Before
	}
	top.frame.clauses.Within = append(top.frame.clauses.Within, w)
	r.drop(i, end)
	if r.is(end, ",") || r.isAny(end, joiners) {
		return end
	}
	return r.follows(end)
}

// readAsOf reads FOR SYSTEM_TIME AS OF column, which stands after the right side of
// a join, before its alias or behind it.
func (r *clauseReader) readAsOf(i int, top *depth) int {
	n := len(top.pending)
	switch {
	case n == 0:
		r.fail(r.syntaxError(i).WithHint("Join with it: FROM l JOIN r FOR SYSTEM_TIME AS OF l.ts ON r.key = l.key."))
		return i + 1
	case !r.is(i+2, "as") || !r.is(i+3, "of"):
		r.fail(r.syntaxError(i + 2))
		return i + 2
	case i+4 >= r.end || !r.isName(i+4):
		r.fail(r.syntaxError(min(i+4, r.end)))
		return i + 4
	}
	if r.are(i+4, "proctime", "(", ")") {
		top.frame.clauses.AsOf = append(top.frame.clauses.AsOf, AsOf{Join: top.pending[n-1], Pos: r.src.Char(r.start(i))})
		r.drop(i, i+7)
		return i + 7
	}
	end := i + 5
	for r.is(end, ".") && end+1 < r.end && r.isName(end+1) {
		end += 2
	}
	if r.is(end, "(") {
		r.fail(sqlerr.Unsupported("Name the event time of the left side. Without the clause a table is seen as it is when the row comes.",
			"FOR SYSTEM_TIME AS OF a function is not supported").At(r.src.Char(r.start(i + 4))))
	}
	a := AsOf{Join: top.pending[n-1], Time: r.expr(i+4, end), Pos: r.src.Char(r.start(i))}
	for _, other := range top.frame.clauses.AsOf {
		if other.Join == a.Join {
			r.fail(r.syntaxError(i))
		}
	}
	top.frame.clauses.AsOf = append(top.frame.clauses.AsOf, a)
	r.drop(i, end)
	return end
}

// readInto reads INTO a, b. One name before FROM is PostgreSQL's own SELECT INTO
// and stays, unless something else makes the statement a streaming one.
func (r *clauseReader) readInto(i int, f *frame) int {
	end := i + 1
	names := 0
	for r.isName(end) && end < r.end {
		names++
		for end++; r.is(end, ".") && r.isName(end+1) && end+1 < r.end; end += 2 {
		}
		if !r.is(end, ",") || end+1 >= r.end {
			break
		}
		end++
	}
	switch {
	case names == 1 && !f.from && end < r.end && !r.isAny(end, followers):
		return end // INTO TEMP x
	case names == 1 && !f.from && r.plain < 0:
		r.plain = i
		return end
	case len(r.into) > 0 || r.plain >= 0:
		r.fail(r.syntaxError(i))
	}
	return r.follows(r.takeInto(i))
}

// takeInto takes the INTO at token i out of the text, and returns what follows.
func (r *clauseReader) takeInto(i int) int {
	end := i + 1
	for r.isName(end) && end < r.end {
		for end++; r.is(end, ".") && end+1 < r.end; end += 2 {
		}
		if end >= r.end || !r.is(end, ",") {
			break
		}
		end++
	}
	end = min(end, r.end)
	names, _ := r.names(i+1, end)
	r.into = append(r.into, names...)
	r.cut = append(r.cut, span{i, end})
	r.drop(i, end)
	return end
}

// readWith reads WITH ('key' = 'value', ...).
func (r *clauseReader) readWith(i int) int {
	end := r.closing(i+1, r.end)
	if end >= r.end {
		return r.end // PostgreSQL reports the bracket that is open
	}
	r.with = append(r.with, r.pairs(i+2, end)...)
	r.cut = append(r.cut, span{i, end + 1})
	r.drop(i, end+1)
	return r.follows(end + 1)
}

// byOrdinal returns the clauses of the SELECTs that have some.
func (r *clauseReader) byOrdinal() map[int]*SelectClauses {
	var m map[int]*SelectClauses
	for _, f := range r.frames {
		if c := f.clauses; c.Window != nil || c.Emit != "" || len(c.Within)+len(c.AsOf) > 0 {
			if m == nil {
				m = make(map[int]*SelectClauses)
			}
			m[f.ordinal] = c
		}
	}
	return m
}
