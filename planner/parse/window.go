package parse

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// readWindow reads WINDOW kind ( [column,] size [, slide] [, OFFSET expr]
// [, TIME ZONE 'zone'] [, GRACE expr] ) [GRACE expr], and ksqlDB's SIZE, ADVANCE BY and
// lengths without INTERVAL.
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
		r.setGrace(w, r.length(from, next), next)
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
		r.setGrace(w, r.length(r.grace(i), j), j)
	case r.is(i, "retention") && i+1 < j:
		r.fail(sqlerr.Unsupported("Leave RETENTION out: a window is kept until it and its GRACE are over, and its answer where the job puts it.",
			"RETENTION of a window is not supported").At(r.src.Char(r.start(i))))
	default:
		if arg := r.expr(r.length(i, j), j); arg != nil {
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

// windowKinds is the hint of who names a window that there is not.
const windowKinds = "Windows are TUMBLING ([column,] size), HOPPING ([column,] size, slide), SESSION ([column,] gap) and CUMULATE ([column,] step, size), each length as INTERVAL '1 minute'."
