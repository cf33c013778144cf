package superset

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/child"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// patience bounds each step of Superset's start, and each of its answers.
const patience = 10 * time.Minute

// server is a Superset that runs: gunicorn, with its metadata in a SQLite file of the
// test's folder.
type server struct {
	url      string
	password string // of its user admin
}

// start initialises a Superset as its documentation says, and runs it until the test
// ends.
func start(t *testing.T) server {
	t.Helper()
	dir, err := cache.Dir()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(dir, "superset", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("Superset is not installed; FERRIS_TIER=long compat-tests/install.sh does: %v", err)
	}
	settings, err := filepath.Abs("settings.py")
	if err != nil {
		t.Fatal(err)
	}
	home, addr := t.TempDir(), gateway.FreeAddr()
	s := server{url: "http://" + addr, password: rand.Text()}
	env := append(os.Environ(), "SUPERSET_HOME="+home, "SUPERSET_CONFIG_PATH="+settings, "SUPERSET_SECRET="+rand.Text()+rand.Text(),
		"FLASK_APP=superset.app:create_app()", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONPATH=", "HOME="+home)
	for _, args := range [][]string{
		{"db", "upgrade"},
		{"fab", "create-admin", "--username", "admin", "--firstname", "A", "--lastname", "B", "--email", "admin@example.com", "--password", s.password},
		{"init"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(python), "superset"), args...)
		cmd.Dir, cmd.Env = home, env
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("superset %s: %v\n%s", args[0], err, out)
		}
	}
	cmd := exec.Command(python, "-m", "gunicorn", "--bind", addr, "--workers", "1", "--worker-class", "gthread", "--threads", "8",
		"--timeout", fmt.Sprint(int(patience.Seconds())), "superset.app:create_app()")
	cmd.Dir, cmd.Env = home, env
	proc, err := child.Start(t.Context(), cmd, child.Options{
		Name: "Superset", Ready: "Booting worker", Timeout: patience, Orphan: syscall.SIGQUIT, Kill: syscall.SIGQUIT,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		proc.End()
		if t.Failed() {
			t.Logf("Superset's log:\n%s", proc.Log())
		}
	})
	return s
}
