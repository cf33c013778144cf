package clients

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// secretOption is the name of an option whose value nobody may be shown.
var secretOption = regexp.MustCompile(`(?i)password|secret|token|credential|passphrase|jaas|private|access.?key|sasl\.username`)

// noSecret is the name of one that says where a secret is.
var noSecret = regexp.MustCompile(`_env$|_file$`)

// secrets are what a test plants, each with what it was planted in.
type secrets map[string]string

// plant returns a new secret.
func (s secrets) plant(in string) string {
	v := fmt.Sprintf("Pl4nted%03dvalue", len(s))
	s[v] = in
	return v
}

// check finds what was planted.
func (s secrets) check(t *testing.T, where, text string) {
	t.Helper()
	for v, in := range s {
		if strings.Contains(text, v) {
			at := strings.Index(text, v)
			t.Errorf("%s shows the %s: ...%s...", where, in, text[max(0, at-200):min(len(text), at+60)])
		}
	}
}

// secretsOf are other options that an option needs to be taken.
var secretsOf = map[string]string{
	"kafka":    "'topic' = 't', 'bootstrap.servers' = '127.0.0.1:1', 'security.protocol' = 'SASL_PLAINTEXT', 'sasl.username' = 'u', 'sasl.password' = 'p'",
	"file":     "'path' = 'planted.json'",
	"http":     "'url' = 'http://127.0.0.1:1/'",
	"s3":       "'path' = 's3://shop/in/', 'endpoint' = 'http://127.0.0.1:1', 'region' = 'auto', 'access_key_id' = 'u', 'secret_access_key' = 'p'",
	"database": "'connection' = 'postgresql://app@127.0.0.1:1/shop', 'table' = 't'",
}

// TestSecrets plants a secret in every option that is one, in URLs, in the passwords of
// roles and in the configuration, and looks for them wherever something is shown.
func TestSecrets(t *testing.T) {
	planted := secrets{}
	settings := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(settings, []byte("auth.superuser: boss\nhttp.allow: [127.0.0.1]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	top := planted.plant("superuser's password")
	g := gateway.Start(t, gateway.Options{Args: []string{"--config", settings}, Env: []string{"FERRIS_SUPERUSER_PASSWORD=" + top}})
	boss := connectAs(t, g, "boss", top)
	// hear runs what may fail: what it answers is looked into.
	hear := func(sql string) error {
		t.Helper()
		out, err := boss.ask(sql)
		planted.check(t, "the answer to a statement", out)
		if err != nil {
			planted.check(t, "an error", fmt.Sprintf("%+v", err))
		}
		return err
	}
	boss.must("CREATE USER ann PASSWORD '" + planted.plant("password of a role") + "'")
	boss.must("ALTER ROLE ann PASSWORD '" + planted.plant("new password of a role") + "'")

	options := 0
	relation := func(kind, columns, connector, with, key string) {
		t.Helper()
		options++
		name := fmt.Sprintf("planted_%d", options)
		if err := hear(fmt.Sprintf("CREATE %s %s %s WITH ('type' = '%s', %s)", kind, name, columns, connector, with)); err != nil {
			t.Logf("%s of %s: %v", key, connector, err)
			return
		}
		if kind == "STREAM" {
			for _, sql := range []string{"EXPLAIN (VERBOSE) SELECT * FROM " + name, "EXPLAIN (FORMAT json) SELECT * FROM " + name + " EMIT CHANGES"} {
				if err := hear(sql); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
			_ = hear("SET statement_timeout = '1s'; SELECT * FROM " + name)
			_ = hear("RESET statement_timeout; START JOB j_" + name + " AS SELECT * FROM " + name)
		}
	}
	for _, line := range strings.Split(boss.must("SELECT DISTINCT connector, option FROM ferris.connector_options ORDER BY 1, 2"), "\n") {
		connector, key, _ := strings.Cut(line, "|")
		if !secretOption.MatchString(key) || noSecret.MatchString(key) {
			continue
		}
		with := fmt.Sprintf("'%s' = '%s'", key, planted.plant("option "+key+" of "+connector))
		var rest []string
		for _, o := range strings.Split(secretsOf[connector], ", ") {
			if o != "" && !strings.Contains(o, "'"+key+"'") {
				rest = append(rest, o)
			}
		}
		if strings.HasPrefix(key, "schema.registry.") {
			rest = append(rest, "'format' = 'avro'", "'schema.registry.url' = 'http://127.0.0.1:1'")
			if key == "schema.registry.password" {
				rest = append(rest, "'schema.registry.username' = 'u'")
			}
		}
		if key == "sasl.oauthbearer.token" || key == "sasl.oauthbearer.client.secret" { // those that an error has no reason to name
			rest = []string{"'topic' = 't'", "'bootstrap.servers' = '127.0.0.1:1'", "'security.protocol' = 'SASL_PLAINTEXT'", "'sasl.mechanism' = 'OAUTHBEARER'"}
			if key == "sasl.oauthbearer.client.secret" {
				rest = append(rest, "'sasl.oauthbearer.client.id' = 'c'", "'sasl.oauthbearer.token.endpoint.url' = 'http://127.0.0.1:1'")
			}
		}
		with = strings.Join(append(rest, with), ", ")
		relation("STREAM", "(a text)", connector, with, key)
		relation("SINK", "(a text)", connector, with, key)
		_ = hear(fmt.Sprintf("CREATE STREAM x (a text) WITH ('type' = '%s', 'nosuch' = 'x', %s)", connector, with))
	}
	if options < 8 {
		t.Fatalf("%d relations with secrets were declared", options)
	}
	for _, url := range []string{"postgresql://app:%s@127.0.0.1:1/shop", "jdbc:postgresql://127.0.0.1:1/shop?user=app&password=%s", "postgresql://app:%s@127.0.0.1:notaport/shop",
		"mysql://app:%s@127.0.0.1:1/shop", "jdbc:mariadb://127.0.0.1:1/shop?user=app&password=%s", "mysql://app:%s@127.0.0.1:notaport/shop"} {
		with := "'table' = 't', 'connection' = '" + fmt.Sprintf(url, planted.plant("URL "+url)) + "'"
		relation("STREAM", "(a text)", "database", with, "connection")
		relation("SINK", "(a text)", "database", with, "connection")
	}
	_ = hear("CREATE STREAM planted_view AS SELECT 'x' AS a INTO s WITH ('s.type' = 'database', 's.table' = 't', 's.connection' = 'postgresql://app:" + planted.plant("URL of a job's sink") + "@127.0.0.1:1/shop')")

	// Another session looks, and this one's last statement has a secret.
	watcher := connectAs(t, g, "boss", top)
	_ = hear("CREATE STREAM last (a text) WITH ('type' = 'database', 'table' = 't', 'connection.password' = '" + planted.plant("last statement's option") + "', 'connection' = 'postgresql://app:" + planted.plant("last statement's URL") + "@127.0.0.1:1/shop')")
	relations := strings.Split(watcher.must("SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('pg_catalog', 'information_schema', 'ferris') AND c.relkind IN ('r', 'v') ORDER BY 1"), "\n")
	if len(relations) < 200 {
		t.Fatalf("%d relations of the catalogs", len(relations))
	}
	for _, r := range relations {
		planted.check(t, r, watcher.must("SELECT * FROM "+r))
	}
	for _, sql := range []string{"SHOW ALL", "SHOW STREAMS", "SHOW SINKS", "SHOW JOBS", "SELECT * FROM pg_show_all_settings()"} {
		planted.check(t, sql, watcher.must(sql))
	}
	for _, name := range strings.Split(watcher.must("SELECT relname FROM pg_class WHERE relname LIKE 'planted%'"), "\n") {
		for _, f := range []string{"pg_get_viewdef('%s'::regclass)", "obj_description('%s'::regclass)"} {
			out, err := watcher.ask("SELECT " + fmt.Sprintf(f, name))
			planted.check(t, f, fmt.Sprint(out, err))
		}
	}
	for _, command := range []string{`\d+ planted*`, `\dE+`, `\dg+`, `\det+`, `\des+`, `\dew+`} {
		url := fmt.Sprintf("postgres://boss:%s@%s/ferris?sslmode=disable", top, g.Listen)
		planted.check(t, "psql's "+command, run(t, command, nil, "psql", "-X", url))
	}
	for _, path := range []string{"/metrics", "/health", "/ready"} {
		res, err := http.Get("http://" + g.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		planted.check(t, path, string(text))
	}
	planted.check(t, "the log", g.Log())
}
