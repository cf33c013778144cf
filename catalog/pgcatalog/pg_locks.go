package pgcatalog

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// pgLocks has the advisory locks. Rows and tables are locked by hash, and not told.
func pgLocks(c *Context, t *table) {
	if c.Server == nil || c.Server.Sessions == nil {
		return
	}
	locks := c.Server.Sessions.Locks()
	slices.SortFunc(locks, func(a, b LockStatus) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Mode, b.Mode))
	})
	for _, l := range locks {
		row := t.row().
			str("locktype", "advisory").
			oid("database", databaseOID(c.Database)).
			oid("classid", types.OID(l.Class)).
			oid("objid", types.OID(l.Object)).
			num("objsubid", int64(l.SubID)).
			str("virtualtransaction", strconv.Itoa(int(l.PID))+"/1").
			num("pid", int64(l.PID)).
			str("mode", l.Mode).
			bool("granted", l.Granted).
			bool("fastpath", false)
		if !l.Waiting.IsZero() {
			row.time("waitstart", l.Waiting)
		}
		row.emit()
	}
}
