package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/config"
)

// TestUserAdd: a user is added to a directory at rest and through the process that runs
// on it, and what is wrong is told.
func TestUserAdd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	embedded := func(text string) string {
		t.Helper()
		out, errs, err := runCommand(t, "", "sql", "--embedded", "--data-dir", dir, "--format", "csv", "-c", text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", text, err, errs)
		}
		return out
	}
	add := func(stdin, want string, args ...string) {
		t.Helper()
		_, errs, err := runCommand(t, stdin, append([]string{"user", "add", "--data-dir", dir}, args...)...)
		if got := errs; want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("user add %v: %v %s, want %q", args, err, got, want)
		}
	}
	add("", "reading data directory", "ann")
	embedded("SELECT 1")
	add("pw\n", "", "ann", "--password-file", "-")
	add("", "the password file is empty", "x", "--password-file", "-")
	add("", `role "ann" already exists`, "ann")

	c, err := config.Load("", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	c.Storage.DataDir = dir
	p, err := startProcess(t.Context(), c, false, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.servePipe()
	stop, err := p.serveBackups(dir, quietLogger())
	if err != nil {
		t.Fatal(err)
	}
	add("geheim\r\n", "", `o"dd`, "--superuser", "--password-file", "-")
	add("", `role "ann" already exists`, "ann")
	add("", "", "bare")
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}
	p.close()
	want := "rolname,rolsuper,rolcanlogin\nann,f,t\nbare,f,t\n\"o\"\"dd\",t,t\n"
	if got := embedded(`SELECT rolname, rolsuper, rolcanlogin FROM pg_roles WHERE rolname IN ('ann', 'bare', 'o"dd') ORDER BY 1`); got != want {
		t.Errorf("the roles are\n%s, want\n%s", got, want)
	}
}
