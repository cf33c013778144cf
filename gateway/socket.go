//go:build linux && (amd64 || arm64) && !race

package gateway

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// socket is a TCP connection whose reads and writes are system calls that the
// scheduler is not told of. They never block, the descriptor being nonblocking;
// but a thread is often preempted in the middle of one, by the very client that
// it wakes, and the scheduler would take its processor away and find it another
// a few microseconds later, which costs more than the call. One goroutine at a
// time may read, and one may write.
//
// The race detector sees no order in calls that go past package syscall, so a
// program built with it does without.
type socket struct {
	*net.TCPConn
	raw   syscall.RawConn
	read  transfer
	write transfer
}

// transfer is a read or a write that waits for the descriptor.
type transfer struct {
	buf   []byte
	n     int
	errno syscall.Errno
	try   func(fd uintptr) (done bool)
}

func (t *transfer) attempt(call, fd uintptr, flags uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.buf))), uintptr(len(t.buf)), flags|syscall.MSG_DONTWAIT, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		t.n, t.errno = int(n), errno
		return errno != syscall.EAGAIN
	}
}

// quickly returns the connection with faster reads and writes, where it has any.
func quickly(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{TCPConn: tcp, raw: raw}
	s.read.try = func(fd uintptr) bool { return s.read.attempt(syscall.SYS_RECVFROM, fd, 0) }
	s.write.try = func(fd uintptr) bool { return s.write.attempt(syscall.SYS_SENDTO, fd, syscall.MSG_NOSIGNAL) }
	return s
}

// Read is net.Conn's.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := &s.read
	t.buf = p
	err := s.raw.Read(t.try)
	t.buf = nil
	switch {
	case err != nil:
		return 0, err
	case t.errno != 0:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: os.NewSyscallError("recvfrom", t.errno)}
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

// Write is net.Conn's: it returns an error where it writes less than p.
func (s *socket) Write(p []byte) (int, error) {
	t := &s.write
	done := 0
	for done < len(p) {
		t.buf = p[done:]
		err := s.raw.Write(t.try)
		t.buf = nil
		if err != nil {
			return done, err
		}
		if t.errno != 0 {
			return done, &net.OpError{Op: "write", Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: os.NewSyscallError("sendto", t.errno)}
		}
		done += t.n
	}
	return done, nil
}
