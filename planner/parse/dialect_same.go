package parse

// windowCalls are the functions of windows that Flink SQL has too.
var windowCalls = setOf("tumble", "hop", "cumulate", "session")

// rewriteWindowCall makes TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), ...)), Flink's way to
// call a function of windows, tumble(t, ts, ...). i is the first token.
func (u *unit) rewriteWindowCall(i int) {
	if u.are(i, "table", "(") {
		if end := u.closing(i+1, len(u.list)); end < len(u.list) {
			u.vanish(i, i+1, end)
		}
		return
	}
	end := u.closing(i+1, len(u.list))
	if u.is(i+2, "table") {
		u.vanish(i + 2)
	}
	for a := i + 2; a < end; a = u.comma(a, end) + 1 {
		if u.are(a, "descriptor", "(") {
			if last := u.closing(a+1, end); last < end {
				u.vanish(a, a+1, last)
			}
		}
	}
}

// vanish takes tokens out of the text.
func (u *unit) vanish(tokens ...int) {
	for _, i := range tokens {
		blank(u.body[u.start(i):u.end(i)])
	}
}

// length is the first token of an expression of a window, from token i to before j, which
// may be ksqlDB's SIZE 1 MINUTE, ADVANCE BY 1 MINUTE or 1 MINUTE: a length of time
// without the word INTERVAL, which it gets.
func (r *clauseReader) length(i, j int) int {
	switch {
	case i+1 < j && r.is(i, "size") && !r.is(i+1, "("):
		i++
	case i+2 < j && r.are(i, "advance", "by"):
		i += 2
	}
	if i+2 == j && r.list[i].kind == number {
		r.rewriteLength(i)
	}
	return i
}
