// Package mariadb runs a real MariaDB for tests: Debian's mariadbd, which
// compat-tests/install.sh installs, on a free loopback port over a directory of its
// own, gone when it stops.
package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/child"
)

// Server is a running MariaDB with a database test, whose user root it trusts.
type Server struct {
	port int
	dir  string
	proc *child.Process
}

// startTimeout bounds making the data directory, and the wait for the server, each.
const startTimeout = 3 * time.Minute

// program finds one of the server's programs, which may be where only root looks.
func program(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("MariaDB for tests is Debian's: run compat-tests/install.sh (apt-get install mariadb-server-core): %w", err)
	}
	return path, nil
}

// Run starts a server. The caller calls Stop.
func Run(ctx context.Context) (*Server, error) {
	install, err := program("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	cred, err := child.Credential()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ferris-mariadb-")
	if err != nil {
		return nil, fmt.Errorf("making MariaDB's directory: %w", err)
	}
	s, err := run(ctx, install, dir, cred)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func run(ctx context.Context, install, dir string, cred *syscall.Credential) (*Server, error) {
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, fmt.Errorf("giving MariaDB its directory: %w", err)
		}
	}
	initCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(initCtx, install, "--no-defaults", "--datadir="+filepath.Join(dir, "data"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	prepare(cmd, dir, cred)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("running mariadb-install-db: %w\n%s", err, out)
	}
	// The port is free when it is chosen; another process may take it before the server
	// does, so try anew.
	var err error
	for range 5 {
		var port int
		if port, err = child.FreePort(); err != nil {
			return nil, err
		}
		var s *Server
		if s, err = launch(ctx, dir, cred, port); err != nil {
			continue
		}
		if err = s.Exec(ctx, "", "CREATE DATABASE IF NOT EXISTS test"); err == nil {
			return s, nil
		}
		s.proc.End()
	}
	return nil, err
}

func launch(ctx context.Context, dir string, cred *syscall.Credential, port int) (*Server, error) {
	path, err := program("mariadbd")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	cmd := exec.Command(path, "--no-defaults", "--datadir="+data, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port), "--socket="+filepath.Join(dir, "s"),
		"--pid-file="+filepath.Join(dir, "pid"), "--tmpdir="+dir, "--skip-name-resolve", "--character-set-server=utf8mb4", "--default-time-zone=+05:00",
		"--server-id=1", "--log-bin="+filepath.Join(data, "binlog"), "--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL", "--sync-binlog=0",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF", "--max-connections=100")
	prepare(cmd, dir, cred)
	proc, err := child.Start(ctx, cmd, child.Options{
		Name: "mariadbd", Ready: "ready for connections", Timeout: startTimeout, Orphan: syscall.SIGKILL, Kill: syscall.SIGKILL,
	})
	if err != nil {
		return nil, err
	}
	return &Server{port: port, dir: dir, proc: proc}, nil
}

// prepare sets the environment and the user of one of the server's programs.
func prepare(cmd *exec.Cmd, dir string, cred *syscall.Credential) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=" + dir, "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
}

// Address is the server's host and port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL is what a stream connects to; database "": test.
func (s *Server) URL(database string) string {
	if database == "" {
		database = "test"
	}
	return "mysql://root@" + s.Address() + "/" + database
}

// Open opens a pool of connections to a database; "": to none.
func (s *Server) Open(database string) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName, c.MultiStatements = "root", "tcp", s.Address(), database, true
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("connecting to MariaDB: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// Exec runs statements, separated by semicolons, on a connection of its own.
func (s *Server) Exec(ctx context.Context, database, text string) error {
	db, err := s.Open(database)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, text); err != nil {
		return fmt.Errorf("running %q: %w", text, err)
	}
	return nil
}

// Crash ends the server at once and starts it again on the same port over the same
// data. Nobody else may use the Server meanwhile.
func (s *Server) Crash(ctx context.Context) error {
	s.proc.End()
	cred, err := child.Credential()
	if err != nil {
		return err
	}
	next, err := launch(ctx, s.dir, cred, s.port)
	if err != nil {
		return err
	}
	s.proc = next.proc
	return nil
}

// Log is the end of the server's log.
func (s *Server) Log() string { return s.proc.Log() }

// Stop ends the server, waits for it and removes its directory. It may be called
// twice.
func (s *Server) Stop() error {
	s.proc.End()
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("removing MariaDB's directory: %w", err)
	}
	return nil
}
