// Package mariadb runs a real MariaDB or MySQL for tests, which compat-tests/install.sh
// installs, on a free loopback port over a directory of its own, gone when it stops.
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

// Product is one of the two servers.
type Product struct {
	name string
	// installer is the program, with what follows it, that makes a data directory, and
	// server the one that serves it. They run as nobody where we are root, unless asRoot.
	installer func(dir, data string) ([]string, error)
	server    func(data string) ([]string, error)
	asRoot    bool
}

// Server is a running MariaDB or MySQL with a database test, whose user root it trusts.
type Server struct {
	product *Product
	port    int
	dir     string
	proc    *child.Process
}

// startTimeout bounds making the data directory, and the wait for the server, each.
const startTimeout = 3 * time.Minute

// Run starts a server. The caller calls Stop.
func (p *Product) Run(ctx context.Context) (*Server, error) {
	dir, err := os.MkdirTemp("", "ferris-mysql-")
	if err != nil {
		return nil, fmt.Errorf("making the directory of %s: %w", p.name, err)
	}
	s, err := p.run(ctx, dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (p *Product) run(ctx context.Context, dir string) (*Server, error) {
	argv, err := p.installer(dir, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	installing, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.CommandContext(installing, argv[0], argv[1:]...)
	if err := p.prepare(cmd, dir); err != nil {
		return nil, err
	}
	if cred := cmd.SysProcAttr.Credential; cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, fmt.Errorf("giving %s its directory: %w", p.name, err)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("making the data directory of %s: %w\n%s", p.name, err, out)
	}
	// The port is free when it is chosen; another process may take it before the server
	// does, so try anew.
	for range 5 {
		var port int
		if port, err = child.FreePort(); err != nil {
			return nil, err
		}
		var s *Server
		if s, err = p.launch(ctx, dir, port); err != nil {
			continue
		}
		if err = s.Exec(ctx, "", "CREATE DATABASE IF NOT EXISTS test"); err == nil {
			return s, nil
		}
		s.proc.End()
	}
	return nil, err
}

func (p *Product) launch(ctx context.Context, dir string, port int) (*Server, error) {
	data := filepath.Join(dir, "data")
	argv, err := p.server(data)
	if err != nil {
		return nil, err
	}
	argv = append(argv, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port), "--socket="+filepath.Join(dir, "s"),
		"--pid-file="+filepath.Join(dir, "pid"), "--tmpdir="+dir, "--skip-name-resolve", "--character-set-server=utf8mb4", "--default-time-zone=+05:00",
		"--server-id=1", "--log-bin="+filepath.Join(data, "binlog"), "--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL", "--sync-binlog=0",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF", "--max-connections=100")
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := p.prepare(cmd, dir); err != nil {
		return nil, err
	}
	proc, err := child.Start(ctx, cmd, child.Options{
		Name: p.name, Ready: "ready for connections", Timeout: startTimeout, Orphan: syscall.SIGKILL, Kill: syscall.SIGKILL,
	})
	if err != nil {
		return nil, err
	}
	return &Server{product: p, port: port, dir: dir, proc: proc}, nil
}

// prepare sets the environment and the user of one of the server's programs.
func (p *Product) prepare(cmd *exec.Cmd, dir string) error {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=" + dir, "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if p.asRoot {
		return nil
	}
	var err error
	cmd.SysProcAttr.Credential, err = child.Credential()
	return err
}

// Product is which of them it is.
func (s *Server) Product() *Product { return s.product }

// File is a file of the server's data directory.
func (s *Server) File(name string) string { return filepath.Join(s.dir, "data", name) }

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
		return nil, fmt.Errorf("connecting to %s: %w", s.product.name, err)
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
	next, err := s.product.launch(ctx, s.dir, s.port)
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
		return fmt.Errorf("removing the directory of %s: %w", s.product.name, err)
	}
	return nil
}
