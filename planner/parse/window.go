package parse

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// readWindow reads WINDOW kind ( [column,] size [, slide] [, OFFSET expr]
// [, TIME ZONE 'zone'] [, GRACE expr] ) [GRACE expr].
func (r *clauseReader) readWindow(i int, f *frame) int {
	open := i + 2
	end := r.closing(open, r.end)
	if end >= r.end {
		return r.end // PostgreSQL reports the bracket that is open
	}
	if f.clauses.Window != nil {
		r.fail(r.syntaxError(i))
	}
	w := &Window{Kind: strings.ToUpper(r.at(i + 1)), Pos: r.src.Char(r.start(i))}
	for a := open + 1; a < end; {
		b := r.comma(a, end)
		r.windowPart(w, a, b)
		if a = b + 1; a == end {
			r.fail(r.syntaxError(end)) // a comma and nothing
		}
	}
	if len(w.Args) == 0 && r.err == nil {
		r.fail(r.syntaxError(end))
	}
	next := end + 1
	if r.is(next, "grace") && next < r.end {
		from := r.grace(next)
		next = r.until(from)
		r.setGrace(w, from, next)
	}
	f.clauses.Window = w
	r.drop(i, next)
	return r.follows(next)
}

// windowPart reads the tokens from i to before j, one part of a window's list.
func (r *clauseReader) windowPart(w *Window, i, j int) {
	switch {
	case r.is(i, "offset") && i+1 < j:
		if w.Offset != nil {
			r.fail(r.syntaxError(i))
		}
		w.Offset = r.expr(i+1, j)
	case r.are(i, "time", "zone") && i+2 < j:
		zone := r.expr(i+2, j)
		if zone == nil {
			return
		}
		if w.TimeZone = zone.GetAConst().GetSval().GetSval(); w.TimeZone == "" {
			r.fail(sqlerr.Errorf(sqlerr.SyntaxError, "the time zone of a window must be a string").At(r.src.Char(r.start(i + 2))))
		}
	case r.is(i, "grace") && i+1 < j:
		r.setGrace(w, r.grace(i), j)
	default:
		if arg := r.expr(i, j); arg != nil {
			w.Args = append(w.Args, arg)
		}
	}
}

// grace returns the token after GRACE [PERIOD].
func (r *clauseReader) grace(i int) int {
	if r.is(i+1, "period") {
		return i + 2
	}
	return i + 1
}

func (r *clauseReader) setGrace(w *Window, i, j int) {
	if w.Grace != nil {
		r.fail(r.syntaxError(i))
	}
	w.Grace = r.expr(i, j)
}
