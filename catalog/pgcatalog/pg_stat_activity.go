package pgcatalog

import (
	"net/netip"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

func sessions(c *Context) []SessionStatus {
	if c.Server == nil || c.Server.Sessions == nil {
		return nil
	}
	return c.Server.Sessions.Sessions()
}

// queryShown is what a role may see of a session's query: its own, or a superuser
// any, without its secrets.
func queryShown(c *Context, s SessionStatus) string {
	if !c.Snapshot.HasRole(c.User, s.User) {
		return "<insufficient privilege>"
	}
	return redact(s.Query)
}

func pgStatActivity(c *Context, t *table) {
	for _, s := range sessions(c) {
		r := t.row().
			oid("datid", databaseOID(s.Database)).
			str("datname", s.Database).
			num("pid", int64(s.PID)).
			oid("usesysid", catalog.RoleOID(s.User)).
			str("usename", s.User).
			str("application_name", s.ApplicationName).
			time("backend_start", s.Started).
			time("xact_start", s.TransactionFrom).
			time("query_start", s.QueryFrom).
			time("state_change", s.StateFrom).
			text("state", s.State).
			str("query", queryShown(c, s)).
			str("backend_type", "client backend")
		if a, err := netip.ParseAddr(s.ClientAddr); err == nil {
			*r.at("client_addr") = types.NewInet(types.Inet, netip.PrefixFrom(a.WithZone(""), a.BitLen()))
			r.num("client_port", int64(s.ClientPort))
		}
		r.emit()
	}
}
