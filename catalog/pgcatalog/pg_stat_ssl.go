package pgcatalog

func pgStatSSL(c *Context, t *table) {
	for _, s := range sessions(c) {
		r := t.row().num("pid", int64(s.PID)).bool("ssl", s.TLS != nil)
		if s.TLS == nil {
			r.emit()
			continue
		}
		if c.Snapshot.Superuser(c.User) || s.User == c.User {
			r.text("client_dn", s.TLS.ClientName).text("issuer_dn", s.TLS.Issuer)
		}
		r.str("version", s.TLS.Version).str("cipher", s.TLS.Cipher).num("bits", int64(s.TLS.Bits)).emit()
	}
}
