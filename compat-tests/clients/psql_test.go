package clients

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

var rewrite = flag.Bool("rewrite", false, "write the goldens anew")

// psqlServers start PostgreSQL 16 and a gateway with the same objects, of the same
// user in a database of the same name.
func psqlServers(t *testing.T) (oracle, ours string) {
	t.Helper()
	p, g := postgres.Start(t), gateway.Start(t, gateway.Options{})
	if _, err := connect(t, g.URL()).Exec(t.Context(), "CREATE ROLE postgres SUPERUSER CREATEDB CREATEROLE LOGIN"); err != nil {
		t.Fatal(err)
	}
	oracle, ours = p.DSN(), "postgres://postgres@"+g.Listen+"/postgres?sslmode=disable"
	setup, err := os.ReadFile(filepath.Join("testdata", "captured.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{oracle, ours} {
		if _, err := connect(t, url).Exec(t.Context(), string(setup)); err != nil {
			t.Fatal(err)
		}
	}
	return oracle, ours
}

// psql runs lines of input as a terminal's user would give them and returns all
// that is printed. Passwords are asked for on the standard input.
func psql(t *testing.T, url, input string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "input.sql")
	if err := os.WriteFile(file, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "stdbuf", "-oL", "psql", "-X", "-f", file, url) // in order with its errors
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}                            // no terminal to ask on
	cmd.Env = append(os.Environ(), "PAGER=cat", "EDITOR=true", "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader("secret\nsecret\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out.String())
	}
	return out.String()
}

var (
	psqlPlace = regexp.MustCompile(`psql:\S*/input.sql:\d+: `)
	psqlTime  = regexp.MustCompile(`(?m)^.*\(every 0.01s\)$`)
	psqlPID   = regexp.MustCompile(`PID \d+`)
)

// plain leaves out what differs between any two runs.
func plain(out string) string {
	out = psqlPlace.ReplaceAllString(out, "")
	out = psqlTime.ReplaceAllString(out, "(the time) (every 0.01s)")
	return psqlPID.ReplaceAllString(out, "PID n")
}

// section is a part of a script with what was printed for it.
type section struct{ name, out string }

// sections splits what was printed at the marks that echoed put into the input.
func sections(out string) []section {
	var all []section
	for _, part := range strings.Split("\n"+out, "\n@@ ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		all = append(all, section{name, strings.TrimRight(rest, "\n")})
	}
	return all
}

// checkPsql holds what the gateway prints to what PostgreSQL does, and where that
// differs to the golden, which has no other sections.
func checkPsql(t *testing.T, want, got []section, golden string) {
	t.Helper()
	if len(want) != len(got) || len(want) == 0 {
		t.Fatalf("%d sections of PostgreSQL's and %d of ours", len(want), len(got))
	}
	path := filepath.Join("testdata", golden)
	text, err := os.ReadFile(path)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	kept := map[string]string{}
	for _, s := range sections(string(text)) {
		kept[s.name] = s.out
	}
	var all strings.Builder
	for i, w := range want {
		g := got[i]
		if g == w {
			if _, ok := kept[w.name]; ok && !*rewrite {
				t.Errorf("%s is PostgreSQL's answer now: take it out of %s", w.name, path)
			}
			continue
		}
		fmt.Fprintf(&all, "@@ %s\n%s\n\n", g.name, g.out)
		if k, ok := kept[g.name]; (!ok || k != g.out) && !*rewrite {
			t.Errorf("%s\nPostgreSQL\n%s\nours\n%s", w.name, w.out, g.out)
		}
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPsqlCommands gives psql each of its commands that ask the server, and
// compares what it prints with what it prints of PostgreSQL 16. psql.golden has
// those that differ, since what they list is not the same: no files and so no sizes,
// the schema ferris, views as they were written, no text search, no plpgsql.
func TestPsqlCommands(t *testing.T) {
	commands, err := os.ReadFile(filepath.Join("testdata", "psql_commands.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var input strings.Builder
	for line := range strings.Lines(string(commands)) {
		line = strings.TrimSpace(line)
		fmt.Fprintf(&input, "\\echo '@@ %s'\n%s\n", strings.ReplaceAll(line, `\`, `\\`), line)
	}
	// psql's buffered standard output and its errors are one stream in order.
	oracle, ours := psqlServers(t)
	checkPsql(t, sections(plain(psql(t, oracle, input.String()))), sections(plain(psql(t, ours, input.String()))), "psql.golden")
}

// TestPsqlScripts are psql's ways to run statements.
func TestPsqlScripts(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "psql_scripts.txt"))
	if err != nil {
		t.Fatal(err)
	}
	oracle, ours := psqlServers(t)
	var want, got []section
	for _, script := range strings.Split(string(text), "\n# ")[1:] {
		name, body, _ := strings.Cut(script, "\n")
		dir := t.TempDir()
		body = strings.ReplaceAll(body, "$dir", dir)
		run := func(url string) section {
			return section{name, strings.ReplaceAll(strings.TrimRight(plain(psql(t, url, body+"\n")), "\n"), dir, "$dir")}
		}
		want, got = append(want, run(oracle)), append(got, run(ours))
	}
	checkPsql(t, want, got, "psql_scripts.golden")
}
