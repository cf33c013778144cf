package pgcatalog

import "github.com/ferrisstreams/ferrisstreams/catalog"

func pgCast(c *Context, t *table) {
	for _, x := range c.Snapshot.Builtins().Casts {
		r := t.row().
			oid("oid", catalog.CastOID(x)).
			oid("castsource", x.Source).
			oid("casttarget", x.Target).
			chr("castcontext", x.Context)
		switch {
		case x.Func != nil:
			r.oid("castfunc", catalog.FunctionOID(x.Func)).chr("castmethod", 'f')
		case x.Binary:
			r.chr("castmethod", 'b')
		default:
			r.chr("castmethod", 'i')
		}
		r.emit()
	}
}
