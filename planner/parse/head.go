package parse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// head reads the statements that PostgreSQL has not.
type head struct {
	*unit
	seg *segment
}

// streaming reads the segment where its first words are those of a streaming
// statement, and reports whether they are.
func (h *head) streaming() bool {
	i := h.seg.i
	if h.dialect() {
		return true
	}
	switch {
	case h.are(i, "create", "or", "replace") && h.are(i+3, "materialized", "view"):
		h.refuse("Make it under another name, or DROP MATERIALIZED VIEW name and CREATE it again.", "CREATE OR REPLACE MATERIALIZED VIEW is not supported")
		return true
	case h.is(i, "create"):
		kind := i + 1
		if h.are(kind, "or", "replace") {
			kind += 2
		}
		switch {
		case h.is(kind, "schema") && kind == i+1:
			h.createSchema(kind)
			return false
		case h.is(kind, "stream") && h.named(kind):
			h.createStream(kind)
			return true
		case h.is(kind, "sink") && h.named(kind):
			h.createSink(kind)
			return true
		case h.is(kind, "job"):
			h.startJob(kind+1, &StartJob{Create: true, OrReplace: h.is(kind-1, "replace")})
			return true
		}
	case h.are(i, "start", "job"):
		h.startJob(i+2, &StartJob{})
		return true
	case (h.is(i, "stop") || h.is(i, "pause") || h.is(i, "resume") || h.is(i, "drop")) && h.is(i+1, "job"):
		h.jobAction()
		return true
	case h.are(i, "alter", "job"):
		h.alterJob()
		return true
	case h.are(i, "comment", "on", "job"):
		h.commentJob()
		return true
	case h.are(i, "alter", "stream"), h.are(i, "alter", "sink"):
		h.otherKind(i + 1)
		return false
	case h.are(i, "comment", "on", "stream"), h.are(i, "comment", "on", "sink"):
		h.otherKind(i + 2)
		return false
	case h.is(i, "explain") && h.makesJob(h.explains(i+1)):
		h.drop(i, h.seg.j)
		h.fail(sqlerr.Unsupported("Explain its query: EXPLAIN SELECT ... EMIT CHANGES shows the plan that a job runs.",
			"EXPLAIN of a statement that makes a job or a stream is not supported").At(h.src.Char(h.start(i))))
		return true
	case h.is(i, "grant"), h.is(i, "revoke"):
		h.grant()
		return false
	case (h.is(i, "export") || h.is(i, "import")) && h.are(i+1, "state", "of"):
		h.stateFile()
		return true
	case h.is(i, "drop") && (h.is(i+1, "stream") || h.is(i+1, "sink")):
		h.dropStream()
		return true
	case h.are(i, "show", "topics") && (h.seg.j == i+2 || h.is(i+2, "from") || h.is(i+2, "with")):
		h.showTopics()
		return true
	case h.is(i, "show") && h.isAny(i+1, shows) && h.seg.j == i+2:
		h.whole(&Show{What: strings.ToUpper(h.at(i + 1))})
		return true
	case h.are(i, "show", "materialized", "views") && h.seg.j == i+3:
		h.whole(&Show{What: "MATERIALIZED VIEWS"})
		return true
	case h.are(i, "show", "create") && h.seg.j > i+2:
		h.showCreate()
		return true
	case (h.is(i, "describe") || h.is(i, "desc") || h.is(i, "show")) && h.is(i+1, "job") && h.seg.j > i+2:
		h.whole(&Describe{Name: h.name(i+2, h.seg.j), Job: true})
		return true
	case h.are(i, "restart", "job"):
		h.refuse("Write STOP JOB name, and when that has returned START JOB name.", "RESTART JOB is not supported")
		return true
	case h.is(i, "describe"), h.is(i, "desc"):
		h.whole(&Describe{Name: h.name(i+1, h.seg.j)})
		return true
	}
	return false
}

// refuse answers a statement that is none here.
func (h *head) refuse(hint, what string) {
	h.drop(h.seg.i, h.seg.j)
	h.fail(sqlerr.Unsupported(hint, "%s", what).At(h.src.Char(h.start(h.seg.i))))
}

// showCreate reads SHOW CREATE kind name.
func (h *head) showCreate() {
	i := h.seg.i + 2
	s := &ShowCreate{What: strings.ToUpper(h.at(i))}
	if h.are(i, "materialized", "view") {
		i++
		s.What = "MATERIALIZED VIEW"
	}
	if i+1 >= h.seg.j {
		h.drop(h.seg.i, h.seg.j)
		h.fail(h.syntaxError(h.seg.j))
		return
	}
	s.Name = h.name(i+1, h.seg.j)
	h.whole(s)
}

// explains is the token behind the options of EXPLAIN, which begin at token i.
func (h *head) explains(i int) int {
	for h.is(i, "analyze") || h.is(i, "analyse") || h.is(i, "verbose") {
		i++
	}
	if h.is(i, "(") {
		return h.closing(i, h.seg.j) + 1
	}
	return i
}

// makesJob reports whether a statement that makes a job, a stream or a sink begins at
// token i.
func (h *head) makesJob(i int) bool {
	if h.are(i, "start", "job") {
		return true
	}
	if !h.is(i, "create") {
		return false
	}
	if i++; h.are(i, "or", "replace") {
		i += 2
	}
	return h.is(i, "job") || (h.is(i, "stream") || h.is(i, "sink")) && h.named(i)
}

var shows = setOf("streams", "sinks", "jobs", "tables", "views")

// named reports that the word at token i is followed by something: CREATE STREAM
// alone is left to PostgreSQL to refuse.
func (h *head) named(i int) bool { return i+1 < h.seg.j }

// whole makes the segment a statement of which PostgreSQL sees nothing.
func (h *head) whole(s StreamStatement) {
	h.seg.stmt.Stream = s
	h.drop(h.seg.i, h.seg.j)
}

// ifNotExists passes IF NOT EXISTS.
func (h *head) ifNotExists(i int) (int, bool) {
	if h.are(i, "if", "not", "exists") {
		return i + 3, true
	}
	return i, false
}

// createStream reads what follows CREATE [OR REPLACE] at token kind.
func (h *head) createStream(kind int) {
	s := &CreateStream{OrReplace: h.is(kind-1, "replace")}
	i, j := kind+1, h.seg.j
	i, s.IfNotExists = h.ifNotExists(i)
	end := min(h.nameEnd(i), j)
	h.seg.stmt.Stream = s
	if h.is(end, "(") && end < j {
		h.drop(h.seg.i, j)
		l := h.columnList(i, end, j, true)
		s.Name, s.Table, s.Watermark, s.ColumnTexts = l.name, l.table, l.watermark, l.texts
		h.options(l.end, j)
		return
	}
	s.Name = h.name(i, end)
	next := end
	for h.are(next, "with", "(") && next < j {
		next = h.option(next, j)
	}
	if !h.is(next, "as") || next >= j {
		h.drop(h.seg.i, j)
		if next < j {
			h.fail(h.syntaxError(next))
		}
		return
	}
	h.query(next, func(n *pg.Node, text string, pos int) { s.Select, s.SelectText, s.SelectPos = n, text, pos })
}

// showTopics reads SHOW TOPICS [FROM name] [WITH (...)].
func (h *head) showTopics() {
	i, j := h.seg.i+2, h.seg.j
	s := &Show{What: "TOPICS"}
	h.whole(s)
	if i < j && h.is(i, "from") {
		if i++; i >= j {
			h.fail(h.syntaxError(j))
			return
		}
		end := min(h.nameEnd(i), j)
		from := h.name(i, end)
		s.From, i = &from, end
	}
	h.options(i, j)
}

// createSchema takes FROM system WITH (...) from the end of CREATE SCHEMA; what is
// before it PostgreSQL reads.
func (h *head) createSchema(kind int) {
	j := h.seg.j
	i := h.find(kind+1, j, setOf("from", "create", "grant"))
	if i < 0 || !h.is(i, "from") || i == kind+1 {
		return
	}
	if i+1 >= j {
		h.fail(h.syntaxError(j))
		return
	}
	end := min(h.nameEnd(i+1), j)
	from := h.name(i+1, end)
	h.seg.stmt.From = &from
	h.drop(i, j)
	h.options(end, j)
}

// createSink reads what follows CREATE [OR REPLACE] at token kind.
func (h *head) createSink(kind int) {
	s := &CreateSink{OrReplace: h.is(kind-1, "replace")}
	i, j := kind+1, h.seg.j
	i, s.IfNotExists = h.ifNotExists(i)
	end := min(h.nameEnd(i), j)
	h.whole(s)
	if h.is(end, "(") && end < j {
		l := h.columnList(i, end, j, false)
		s.Name, s.Table, s.ColumnTexts = l.name, l.table, l.texts
		end = l.end
	} else {
		s.Name = h.name(i, end)
	}
	h.options(end, j)
}

// startJob reads START JOB, or CREATE JOB, from behind these words on.
func (h *head) startJob(i int, s *StartJob) {
	h.seg.stmt.Stream = s
	j := h.seg.j
	i, s.IfNotExists = h.ifNotExists(i)
	if i >= j {
		h.drop(h.seg.i, j)
		h.fail(h.syntaxError(j))
		return
	}
	end := min(h.nameEnd(i), j)
	s.Name = h.name(i, end)
	for h.are(end, "with", "(") && end < j {
		end = h.option(end, j)
	}
	if end < j && h.is(end, "as") {
		if h.are(end+1, "insert", "into") && end+3 < j {
			end = h.insertInto(end+3, j, s)
		}
		h.query(end, func(n *pg.Node, text string, pos int) { s.Select, s.SelectText, s.SelectPos = n, text, pos })
		return
	}
	h.drop(h.seg.i, j)
	if end < j {
		h.fail(h.syntaxError(end))
	}
}

// insertInto reads the target of INSERT INTO at token i, and its columns, and
// returns the token before the query.
func (h *head) insertInto(i, j int, s *StartJob) int {
	end := min(h.nameEnd(i), j)
	target := h.name(i, end)
	s.Target = &target
	if end >= j || !h.is(end, "(") || h.isAny(end+1, begins) || h.is(end+1, "(") {
		return end - 1
	}
	last := min(h.closing(end, j), j)
	for at := end + 1; at < last; at += 2 {
		s.Columns = append(s.Columns, h.name(at, at+1))
		if at+1 < last && !h.is(at+1, ",") {
			h.fail(h.syntaxError(at + 1))
			break
		}
	}
	return last
}

// query reads the SELECT after AS at token as, and leaves it to PostgreSQL.
func (h *head) query(as int, set func(n *pg.Node, text string, pos int)) {
	i, j := as+1, h.seg.j
	h.drop(h.seg.i, i)
	if i >= j || !h.isAny(i, begins) && !h.is(i, "(") {
		h.drop(i, j)
		h.fail(h.syntaxError(i))
		return
	}
	r := clauseReader{unit: h.unit, end: j, query: i, takesInto: true, streaming: true}
	r.read(i)
	before := h.seg.stmt.With
	h.seg.take(&r)
	h.seg.stmt.With = append(before, h.seg.stmt.With...)
	text, pos := h.without(i, j, r.cut), h.src.Char(h.start(i))
	h.seg.node = func(n *pg.Node) *sqlerr.Error {
		if n.GetSelectStmt() == nil {
			return sqlerr.Errorf(sqlerr.SyntaxError, "the query of a stream or job must be a SELECT").At(pos)
		}
		set(n, text, pos)
		return nil
	}
}

// without returns the text of the tokens from i to before j less some ranges:
// blanks where something follows, so that positions in it stay true.
func (h *head) without(i, j int, cut []span) string {
	from := h.start(i)
	text := []byte(h.text[from:h.end(j-1)])
	for _, c := range cut {
		blank(text[h.start(c.start)-from : h.end(c.end-1)-from])
	}
	return strings.TrimRight(string(text), " \t\r\n\f\v")
}

// options reads WITH lists up to the statement's end.
func (h *head) options(i, j int) {
	for i < j {
		if !h.are(i, "with", "(") {
			err := h.syntaxError(i)
			if h.is(i, "(") {
				err = err.WithHint("Write WITH before the options: WITH ('type' = 'kafka', 'topic' = '...').")
			}
			h.fail(err)
			return
		}
		i = h.option(i, j)
	}
}

// option reads the WITH list at token i.
func (h *head) option(i, j int) int {
	end := h.closing(i+1, j)
	if end >= j {
		h.fail(h.syntaxError(j))
		return j
	}
	h.seg.stmt.With = append(h.seg.stmt.With, h.pairs(i+2, end)...)
	return end + 1
}

// jobAction reads STOP, PAUSE, RESUME and DROP JOB.
func (h *head) jobAction() {
	i, j := h.seg.i, h.seg.j
	s := &JobStatement{Action: strings.ToUpper(h.at(i)), IfExists: h.are(i+2, "if", "exists")}
	h.whole(s)
	first := i + 2
	if s.IfExists {
		first += 2
	}
	if end := min(h.nameEnd(first), j); first < j && end < j {
		h.fail(h.syntaxError(end))
	}
	s.Name = h.name(first, j)
}

// dropStream reads DROP STREAM and DROP SINK.
func (h *head) dropStream() {
	i := h.seg.i
	s := &DropStream{What: strings.ToUpper(h.at(i + 1))}
	h.whole(s)
	var drop *pg.DropStmt
	s.Names, drop = h.names(i+2, h.seg.j)
	s.IfExists, s.Cascade = drop.GetMissingOk(), drop.GetBehavior() == pg.DropBehavior_DROP_CASCADE
}
