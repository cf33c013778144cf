package parse

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// windowCalls are the functions of windows that Flink SQL has too.
var windowCalls = setOf("tumble", "hop", "cumulate", "session")

// windowArguments are the names of their arguments, in the order that they have here too.
var windowArguments = map[string][]string{
	"tumble": {"data", "timecol", "size"}, "hop": {"data", "timecol", "slide", "size"},
	"cumulate": {"data", "timecol", "step", "size"}, "session": {"data", "timecol", "gap"},
}

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
	named := windowArguments[strings.ToLower(u.at(i))]
	for a, n := i+2, 0; a < end; a, n = u.comma(a, end)+1, n+1 {
		if n < len(named) && u.are(a, named[n], "=>") {
			u.vanish(a, a+1)
			a += 2
		}
		if n == 0 && u.is(a, "table") {
			u.vanish(a)
			u.refusePartition(a+1, u.comma(a, end))
		}
		if u.are(a, "descriptor", "(") {
			if last := u.closing(a+1, end); last < end {
				u.vanish(a, a+1, last)
			}
		}
	}
}

// refusePartition refuses PARTITION BY behind the relation of a function of windows, whose
// name is token i; to is behind it. The keys of sessions are the last arguments here.
func (u *unit) refusePartition(i, to int) {
	for p := i + 1; p+2 < len(u.list) && p < to; p++ {
		if !u.are(p, "partition", "by") {
			continue
		}
		relation, keys := u.src.Text[u.start(i):u.end(p-1)], u.src.Text[u.start(p+2):u.end(to-1)]
		u.fail(sqlerr.Unsupported("Write the keys last: session("+relation+", <time>, INTERVAL '5 minutes', "+keys+"); windows of other kinds are grouped by them alone.",
			"PARTITION BY in a function of windows is not supported").At(u.src.Char(u.start(p))))
		return
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
