package gateway

import (
	"net"
	"net/netip"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Query is the text of the statement that runs.
func (x *session) Query() string { return x.text }

// Addresses are the connection's two ends.
func (x *session) Addresses() (client, server netip.AddrPort) {
	return addrPort(x.conn.RemoteAddr()), addrPort(x.conn.LocalAddr())
}

// addrPort is not valid where the address is no TCP one.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := tcp.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// Cancel is pg_cancel_backend.
func (x *session) Cancel(pid int32) (bool, error) {
	if err := x.mayEnd(pid, "cancel query"); err != nil {
		return false, err
	}
	return x.server.Cancel(pid), nil
}

// Terminate is pg_terminate_backend.
func (x *session) Terminate(pid int32) (bool, error) {
	if err := x.mayEnd(pid, "terminate process"); err != nil {
		return false, err
	}
	return x.server.Terminate(pid), nil
}

// mayEnd: a session is ended by who has its role's privileges, and a superuser's by
// superusers.
func (x *session) mayEnd(pid int32, what string) error {
	x.server.mu.Lock()
	other := x.server.sessions[pid]
	x.server.mu.Unlock()
	me, snapshot := x.settings.current.currentUser(), x.begin().Snapshot()
	if other == nil || snapshot.Superuser(me) || !snapshot.Superuser(other.user) && snapshot.HasRole(me, other.user) {
		return nil
	}
	e := sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied to %s", what)
	if snapshot.Superuser(other.user) {
		return e.WithDetail("Only a superuser may do that to a superuser's session.")
	}
	return e.WithDetail("Only the session's role, %s, and superusers may do that.", other.user)
}
