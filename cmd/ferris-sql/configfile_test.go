package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// optionsFolder has files of options, and what they read.
func optionsFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"data.json":               "{\"a\":1}\n",
		"other.json":              "{\"a\":2}\n",
		"configs/base.yml":        "path: " + dir + "/data.json\nfailure_strategy: LogAndContinue\nrotation: daily\n",
		"configs/s.yaml":          "extends: base.yml\nformat: ${FERRIS_FORMAT:-json}\n",
		"configs/secret.yaml":     "path: ${FERRIS_UNSET}\n",
		"configs/typo.yaml":       "pth: x\n",
		"configs/kafka.yaml":      "extends: kafka_base.yaml\ntopic: orders\n",
		"configs/kafka_base.yaml": "bootstrap.servers: 127.0.0.1:1\nschema.registry.url: http://r:8081\ncompression.type: snappy\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestConfigFile declares streams and sinks by files under config.root.
func TestConfigFile(t *testing.T) {
	dir := optionsFolder(t)
	t.Setenv("FERRIS_PATH", dir+"/other.json")
	conn := gatewayOf(t, "config.root: "+dir+"\nfile.roots: ["+dir+"]\nsql.allowed_env: [FERRIS_PATH]\n")
	for _, c := range []struct{ sql, want string }{
		{"CREATE STREAM s (a int) WITH (type = 'file', config_file = './configs/s.yaml'); SELECT a FROM s", "[1]"},
		{"CREATE STREAM o (a int) WITH (config_file = 'configs/s.yaml', path = '" + dir + "/other.json'); SELECT a FROM o", "[2]"},
		{"SELECT a FROM x WITH ('x.type' = 'file_source', 'x.config_file' = 'configs/s.yaml')", "[1]"},
		{"CREATE STREAM v (a int) WITH (type = 'file', path = '${FERRIS_PATH}', format = '${FERRIS_FORMAT:-json}'); SELECT a FROM v", "42501"},
		{"CREATE STREAM v (a int) WITH (type = 'file', path = '${FERRIS_PATH}'); SELECT a FROM v", "[2]"},
		{"CREATE STREAM k (a int) WITH (type = 'kafka', config_file = 'configs/kafka.yaml'); SELECT count(*) FROM pg_class WHERE relname = 'k'", "[1]"},
		{"CREATE SINK w WITH (type = 'kafka', config_file = 'configs/kafka.yaml'); SELECT count(*) FROM pg_class WHERE relname = 'w'", "[1]"},
		{"CREATE STREAM n (a int) WITH (type = 'file', config_file = 'configs/gone.yaml')", "22023 config_file of \"n\": reading configs/gone.yaml: no such file or directory"},
		{"CREATE STREAM n (a int) WITH (type = 'file', config_file = 'configs/typo.yaml')", "22023 unrecognized parameter \"pth\" of source \"n\"; configs/typo.yaml, line 1."},
		{"CREATE STREAM n (a int) WITH (type = 'file', config_file = 'configs/secret.yaml')", "the variable FERRIS_UNSET is not set"},
		{"CREATE STREAM n (a int) WITH (type = 'file', config_file = '../x.yaml')", "42501 config_file of \"n\": permission denied for \"../x.yaml\": it is not under config.root"},
		{"CREATE STREAM n (a int) WITH (type = 'file', config_file = '/etc/passwd')", "42501"},
		{"CREATE STREAM n (a int) WITH (type = 'file', path = '${HOME}')", "42501 \"path\" of \"n\": permission denied for the variable HOME"},
	} {
		got, err := ask(t, conn, c.sql)
		said := fmt.Sprint(got)
		var pg *pgconn.PgError
		if errors.As(err, &pg) {
			said = pg.Code + " " + pg.Message
			if pg.Detail != "" {
				said += "; " + pg.Detail
			}
		}
		if said != c.want && (pg == nil || !strings.Contains(said, c.want)) {
			t.Errorf("%s: %s, want %s", c.sql, said, c.want)
		}
	}
}

// TestConfigFileOfAJob: the job goes on when its file is gone, for what it declares is kept.
func TestConfigFileOfAJob(t *testing.T) {
	dir := optionsFolder(t)
	conn := gatewayOf(t, "config.root: "+dir+"\nfile.roots: ["+dir+"]")
	out := filepath.Join(dir, "out.json")
	if err := os.WriteFile(filepath.Join(dir, "sink.yaml"), []byte("path: "+out+"\nformat: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, conn, "CREATE STREAM s (a int) WITH (type = 'file', config_file = 'configs/s.yaml', follow = 'true'); "+
		"START JOB j AS SELECT a FROM s INTO f WITH ('f.type' = 'file_sink', 'f.config_file' = 'sink.yaml')"); err != nil {
		t.Fatal(err)
	}
	until(t, conn, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'j'", "1")
	if _, err := ask(t, conn, "STOP JOB j"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sink.yaml", "configs/s.yaml"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data.json"), []byte("{\"a\":1}\n{\"a\":3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, conn, "START JOB j"); err != nil {
		t.Fatal(err)
	}
	until(t, conn, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'j'", "2")
}
