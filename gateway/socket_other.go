//go:build !linux || !(amd64 || arm64) || race

package gateway

import "net"

// quickly returns the connection as it is.
func quickly(c net.Conn) net.Conn { return c }
