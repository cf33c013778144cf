package parse

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// columnList is what CREATE STREAM and CREATE SINK have in brackets.
type columnList struct {
	name      Name
	table     *pg.CreateStmt
	watermark *Watermark
	texts     ColumnTexts
	end       int // the token after it
}

// columnList reads the name at token i and the list whose bracket is at token
// open, with PostgreSQL's grammar of CREATE TABLE.
func (h *head) columnList(i, open, j int, watermarks bool) columnList {
	l := columnList{end: j}
	end := h.closing(open, j)
	if end >= j {
		h.fail(h.syntaxError(j))
		return l
	}
	l.end = end + 1
	list := slices.Clone(h.body[h.start(i):h.end(end)])
	if watermarks {
		l.watermark = h.cutWatermark(list, i, open, end)
	}
	tree, err := h.parse("CREATE TABLE ", string(list), h.start(i), "")
	if err != nil {
		h.fail(err)
		return l
	}
	l.table = tree.Stmts[0].Stmt.GetCreateStmt()
	v := l.table.GetRelation()
	l.name = Name{Schema: v.GetSchemaname(), Name: v.GetRelname(), Pos: h.src.Char(h.start(i))}
	if v.GetCatalogname() != "" {
		_, err := nameOf(make([]*pg.Node, 3))
		h.fail(err.At(l.name.Pos))
	}
	l.texts = h.columnTexts(l.table, open, end)
	return l
}

// cutWatermark blanks WATERMARK FOR column AS expr, and one comma beside it, in
// list, which begins with token i.
func (h *head) cutWatermark(list []byte, i, open, end int) *Watermark {
	var w *Watermark
	base := h.start(i)
	for a := open + 1; a < end; {
		b := h.comma(a, end)
		if h.are(a, "watermark", "for") && b > a+2 {
			if w != nil {
				h.fail(h.syntaxError(a).WithHint("A stream has one WATERMARK."))
				break
			}
			w = h.watermark(a, b)
			from, to := h.start(a), h.end(b-1)
			switch {
			case b < end:
				to = h.end(b)
			case a > open+1 && list[h.start(a-1)-base] == ',':
				from = h.start(a - 1)
			}
			blank(list[from-base : to-base])
		}
		a = b + 1
	}
	return w
}

// watermark reads WATERMARK FOR column AS expr from token i to before j.
func (h *head) watermark(i, j int) *Watermark {
	w := &Watermark{Pos: h.src.Char(h.start(i))}
	as := i + 3
	if as >= j || !h.is(as, "as") {
		h.fail(h.syntaxError(min(as, j)).WithHint("Write how late rows may be: WATERMARK FOR ts AS ts - INTERVAL '5 seconds'."))
		return w
	}
	w.Column = h.name(i+2, as).Name
	if w.Node = h.expr(as+1, j); w.Node != nil {
		w.Expr = h.text[h.start(as+1):h.end(j-1)]
	}
	return w
}

// afterDefault are the words that end the expression of DEFAULT.
var afterDefault = setOf("constraint", "not", "null", "unique", "primary", "check", "default", "generated", "references",
	"collate", "deferrable", "initially", "storage", "compression", "as")

// columnTexts keeps the expressions of the list between the brackets open and
// end as they are written. The k-th column of the tree is the k-th part that is
// not a constraint, LIKE or WATERMARK.
func (h *head) columnTexts(table *pg.CreateStmt, open, end int) ColumnTexts {
	var t ColumnTexts
	var columns []string
	for _, e := range table.GetTableElts() {
		if c := e.GetColumnDef(); c != nil {
			columns = append(columns, c.Colname)
		}
	}
	for a := open + 1; a < end; {
		b := h.comma(a, end)
		if len(columns) > 0 && !h.isAny(a, notColumns) && !h.are(a, "watermark", "for") {
			h.columnText(&t, columns[0], a, b)
			columns = columns[1:]
		}
		a = b + 1
	}
	return t
}

// notColumns begin the parts of a list that are no columns; all are reserved.
var notColumns = setOf("constraint", "check", "unique", "primary", "foreign", "like")

// columnText reads the column in the tokens from i to before j.
func (h *head) columnText(t *ColumnTexts, column string, i, j int) {
	for i += 2; i < j; i++ {
		switch {
		case h.is(i, "("):
			i = h.closing(i, j)
		case h.are(i, "generated", "always", "as", "(") && i+3 < j:
			end := h.closing(i+3, j)
			if t.GeneratedText == nil {
				t.GeneratedText = make(map[string]string)
			}
			t.GeneratedText[column] = h.text[h.end(i+3):h.start(end)]
			i = end
		case h.is(i, "default") && !h.is(i-1, "by") && i+1 < j:
			end := h.defaultEnd(i+1, j)
			if t.DefaultText == nil {
				t.DefaultText = make(map[string]string)
			}
			t.DefaultText[column] = h.text[h.start(i+1):h.end(end-1)]
			i = end - 1
		}
	}
}

// defaultEnd returns the token after the expression that begins at token i.
func (h *head) defaultEnd(i, j int) int {
	for k := i; k < j; k++ {
		switch {
		case h.is(k, "("), h.is(k, "["):
			k = h.closing(k, j)
		case h.is(k, "case"):
			k = h.caseEnd(k, j)
		case k > i && h.isAny(k, afterDefault) && !h.is(k-1, ".") && h.endsOperand(k-1):
			return k
		}
	}
	return j
}

// caseEnd returns the END of the CASE at token i.
func (h *head) caseEnd(i, j int) int {
	for n := 0; i < j; i++ {
		switch {
		case h.is(i-1, "."):
		case h.is(i, "case"):
			n++
		case h.is(i, "end"):
			if n--; n == 0 {
				return i
			}
		}
	}
	return j
}
