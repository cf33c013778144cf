// Package child runs a server of another project as a child process of a test: it
// starts on a free loopback port, is ready when its log says so, and ends with the
// test.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options says how to run a server.
type Options struct {
	Name    string         // of the program, in errors
	Ready   string         // is in the line of the log that says that it serves
	Timeout time.Duration  // until it is ready
	Orphan  syscall.Signal // that the kernel sends it when we end
	Kill    syscall.Signal // that ends it at once, and its children
}

// Process is a server that runs, or has ended.
type Process struct {
	*os.Process
	Done chan struct{} // closed when it has ended

	log     tail
	options Options
}

// Start starts the command, whose log goes to standard error, and returns when it is
// ready. Its error holds the end of the log.
func Start(ctx context.Context, cmd *exec.Cmd, o Options) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = o.Orphan
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.Name, err)
	}
	p := &Process{Done: make(chan struct{}), options: o}
	started, ready := make(chan error, 1), make(chan bool, 1)
	go p.own(cmd, stderr, started, ready)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.Name, err)
	}
	timeout := time.NewTimer(o.Timeout)
	defer timeout.Stop()
	select {
	case ok := <-ready:
		if ok {
			return p, nil
		}
		err = errors.New("it ended")
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout.C:
		err = fmt.Errorf("it is not ready after %s", o.Timeout)
	}
	p.End()
	return nil, fmt.Errorf("starting %s: %w\n%s", o.Name, err, p.Log())
}

// own starts the process, follows its log and waits for it. The kernel sends the child
// its parent-death signal when the thread that started it ends, so this goroutine keeps
// that thread.
func (p *Process) own(cmd *exec.Cmd, stderr io.Reader, started chan<- error, ready chan<- bool) {
	runtime.LockOSThread()
	defer close(p.Done)
	err := cmd.Start()
	p.Process = cmd.Process
	started <- err
	if err != nil {
		return
	}
	told := false
	// Read to the end whatever comes: a server whose log nobody reads stops. Of a line
	// longer than the buffer, which a statement may be, the head counts.
	lines, whole := bufio.NewReader(stderr), true
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			break
		}
		if whole {
			p.log.add(string(line))
			if !told && strings.Contains(string(line), p.options.Ready) {
				told = true
				ready <- true
			}
		}
		whole = !more
	}
	// The log is at its end: nothing of a failed process is left to read.
	_ = cmd.Wait()
	if !told {
		ready <- false
	}
}

// Log is the end of the server's log.
func (p *Process) Log() string { return p.log.String() }

// Stop asks the server to end with a signal, gives it half a minute, and waits. It may
// be called twice.
func (p *Process) Stop(ask syscall.Signal) {
	_ = p.Signal(ask) // an ended process is no error
	if !p.wait(30 * time.Second) {
		p.End()
	}
}

// End ends the process and its children at once, and waits.
func (p *Process) End() {
	_ = p.Signal(p.options.Kill)
	if !p.wait(10 * time.Second) {
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
		<-p.Done
	}
}

// wait reports whether the process ends in time.
func (p *Process) wait(d time.Duration) bool {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	select {
	case <-p.Done:
		return true
	case <-timeout.C:
		return false
	}
}

// Credential is the user that a server which refuses root runs as: nobody where we are
// root; else nil, ourselves.
func Credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("finding the user to run a server as, since it refuses root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the user id of nobody: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("reading the group id of nobody: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// FreePort is a port of 127.0.0.1 that nobody listened on a moment ago: another process
// may take it before its user does, who tries anew then.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
