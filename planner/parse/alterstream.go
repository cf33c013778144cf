package parse

// standIn is a word of equal length by which PostgreSQL's grammar reads a
// statement about a kind of relation that it has not.
var standIn = map[string]string{"stream": "TABLE ", "sink": "VIEW"}

// otherKind makes ALTER STREAM, ALTER SINK, COMMENT ON STREAM and COMMENT ON SINK,
// whose word is token i, statements of PostgreSQL's, which reads the rest.
func (h *head) otherKind(i int) {
	for word, by := range standIn {
		if h.is(i, word) {
			copy(h.main[h.start(i):h.end(i)], by)
			h.seg.word = word
		}
	}
	if h.is(h.seg.i, "alter") {
		h.addedTexts()
	}
}

// addedTexts keeps the expressions of ADD COLUMN as they are written.
func (h *head) addedTexts() {
	j := h.seg.j
	first := h.seg.i + 2
	if h.are(first, "if", "exists") {
		first += 2
	}
	for a := min(h.nameEnd(first), j); a < j; {
		b := h.comma(a, j)
		if h.is(a, "add") {
			a++
			if h.is(a, "column") {
				a++
			}
			if h.are(a, "if", "not", "exists") {
				a += 3
			}
			if a < b {
				h.columnText(&h.seg.texts, nameAt(h.tokens, a), a, b)
			}
		}
		a = b + 1
	}
}

// commentJob reads COMMENT ON JOB name IS 'text' or NULL.
func (h *head) commentJob() {
	i, j := h.seg.i+3, h.seg.j
	s := &CommentJob{}
	h.whole(s)
	if i >= j {
		h.fail(h.syntaxError(j))
		return
	}
	end := min(h.nameEnd(i), j)
	s.Name = h.name(i, end)
	if !h.is(end, "is") || end+1 >= j {
		h.fail(h.syntaxError(min(end, j)))
		return
	}
	tree, err := h.fragment("COMMENT ON TABLE t ", h.start(end), h.end(j-1), "")
	if err != nil {
		h.fail(err)
		return
	}
	s.Text = tree.Stmts[0].Stmt.GetCommentStmt().GetComment()
}
