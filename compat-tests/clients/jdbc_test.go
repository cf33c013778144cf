package clients

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestJdbcEverything runs what JDBC has against PostgreSQL 16 and the gateway, by a
// recent pgjdbc and by Debian's: both servers answer the same.
func TestJdbcEverything(t *testing.T) {
	for _, jar := range []string{"pgjdbc.jar", "postgresql-42.5.4.jar"} {
		t.Run(jar, func(t *testing.T) { jdbcEverything(t, jar) })
	}
}

func jdbcEverything(t *testing.T, jar string) {
	oracle, ours := psqlServers(t)
	dir := t.TempDir()
	args := []string{"-cp", filepath.Join(cacheDir(t), jar), "-Duser.timezone=UTC", filepath.Join("java", "Everything.java")}
	var files []string
	for name, dsn := range map[string]string{"postgres": oracle, "ferris": ours} {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, name))
		args = append(args, "jdbc:postgresql://"+u.Host+u.Path+"?user=postgres&sslmode=disable", filepath.Join(dir, name))
	}
	run(t, "", nil, "java", args...)
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	// The key of a materialized view is an index here.
	index := regexp.MustCompile(`(?m)^.*\|mv_events_key\|INDEX\|.*\n`)
	if !index.MatchString(read("ferris")) {
		t.Error("the tables of JDBC do not have the index of mv_events")
	}
	if d := cmp.Diff(read("postgres"), index.ReplaceAllString(read("ferris"), "")); d != "" {
		t.Errorf("JDBC over %v (-PostgreSQL +ours):\n%s", files, d)
	}
}
