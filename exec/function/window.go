package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// The window functions; exec/operator computes them, since what they see is not
// their arguments' values but the rows of a partition.
func init() {
	const rows = " FROM (VALUES ('a', 1), ('b', 2), ('c', 2)) AS v(k, x)) AS t WHERE k = 'c')"
	of := func(call string) string { return "(SELECT r FROM (SELECT k, " + call + " AS r" + rows }
	defineWindow("row_number() int8", Example{SQL: of("row_number() OVER (ORDER BY k)"), Text: "3"})
	defineWindow("rank() int8", Example{SQL: of("rank() OVER (ORDER BY x)"), Text: "2"})
	defineWindow("dense_rank() int8", Example{SQL: of("dense_rank() OVER (ORDER BY x DESC)"), Text: "1"})
	defineWindow("percent_rank() float8", Example{SQL: of("percent_rank() OVER (ORDER BY x)"), Text: "0.5"})
	defineWindow("cume_dist() float8", Example{SQL: of("cume_dist() OVER (ORDER BY k)"), Text: "1"})
	defineWindow("ntile(int4) int4 strict", Example{SQL: of("ntile(2) OVER (ORDER BY k)"), Text: "2"})
	defineWindow("lag(anyelement) anyelement strict", Example{SQL: of("lag(k) OVER (ORDER BY k)"), Text: "b"})
	defineWindow("lag(anyelement, int4) anyelement strict", Example{SQL: of("lag(k, 2) OVER (ORDER BY k)"), Text: "a"})
	defineWindow("lag(anyelement, int4, anyelement) anyelement strict", Example{SQL: of("lag(x, 3, 0.5) OVER (ORDER BY k)"), Text: "0.5"})
	defineWindow("lead(anyelement) anyelement strict", Example{SQL: of("lead(k) OVER (ORDER BY k DESC)"), Text: "b"})
	defineWindow("lead(anyelement, int4) anyelement strict", Example{SQL: of("lead(k, 0) OVER (ORDER BY k)"), Text: "c"})
	defineWindow("lead(anyelement, int4, anyelement) anyelement strict", Example{SQL: of("lead(k, 1, 'none') OVER (ORDER BY k)"), Text: "none"})
	defineWindow("first_value(anyelement) anyelement strict", Example{SQL: of("first_value(k) OVER (ORDER BY x)"), Text: "a"})
	defineWindow("last_value(anyelement) anyelement strict", Example{SQL: of("last_value(k) OVER (ORDER BY k)"), Text: "c"})
	defineWindow("nth_value(anyelement, int4) anyelement strict", Example{SQL: of("nth_value(k, 2) OVER (ORDER BY k)"), Text: "b"})
}

// defineWindow registers a window function. The value and the default of lag and
// lead are of the anycompatible family, which a signature cannot say.
func defineWindow(signature string, examples ...Example) {
	f := define(signature, Definition{Examples: examples}).Func
	f.Kind = catalog.Window
	if len(f.Args) == 3 {
		f.Args[0], f.Args[2], f.Ret = anyCompatible, anyCompatible, anyCompatible
	}
}
