package pgcatalog

// pgDepend has what relations are made from. Jobs have no class in PostgreSQL;
// theirs is told by ferris.jobs.
func pgDepend(c *Context, t *table) {
	for _, r := range c.Snapshot.Relations() {
		for _, on := range r.DependsOn {
			t.row().
				oid("classid", classOID).
				oid("objid", r.OID).
				oid("refclassid", classOID).
				oid("refobjid", on).
				chr("deptype", 'n').
				emit()
		}
	}
}
