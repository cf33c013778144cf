package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/scram"
	"github.com/ferrisstreams/ferrisstreams/gateway/auth"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// readFor is readAccess of a configuration and an environment.
func readFor(t *testing.T, yaml string, env map[string]string) (*access, error) {
	t.Helper()
	return readAccess(configOf(t, yaml), func(k string) string { return env[k] }, quietLogger())
}

func TestAccess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, yaml string
		env        map[string]string
		rules      string // the first rule's text
		password   string
		err        string
	}{
		{name: "nothing", rules: "host all all 127.0.0.0/8 trust"},
		{name: "beyond loopback", yaml: "server.listen: 0.0.0.0:1", err: "FERRIS_SUPERUSER_PASSWORD"},
		{name: "insecure", yaml: "{server.listen: '0.0.0.0:1', server.insecure_trust_remote: true}", rules: "host all all all trust"},
		{name: "password", yaml: "server.listen: 0.0.0.0:1", env: map[string]string{"FERRIS_SUPERUSER_PASSWORD": "x"}, rules: "host all all all scram-sha-256", password: "x"},
		{name: "password of a file", env: map[string]string{"FERRIS_SUPERUSER_PASSWORD_FILE": file}, rules: "host all all all scram-sha-256", password: "from a file"},
		{name: "both", env: map[string]string{"FERRIS_SUPERUSER_PASSWORD_FILE": file, "FERRIS_SUPERUSER_PASSWORD": "x"}, err: "set one"},
		{name: "no such file", env: map[string]string{"FERRIS_SUPERUSER_PASSWORD_FILE": file + "x"}, err: "FERRIS_SUPERUSER_PASSWORD_FILE"},
		{name: "rules", yaml: "auth.hba: [host all all 127.0.0.1/32 scram-sha-256]", rules: "host all all 127.0.0.1/32 scram-sha-256"},
		{name: "wrong rule", yaml: "auth.hba: [host all all all trust, host all]", err: "auth.hba, rule 2"},
		{name: "trust for others", yaml: "{auth.hba: [host all all all trust], server.listen: '0.0.0.0:1'}", err: `the rule "host all all all trust"`},
		{name: "TLS rule without TLS", yaml: "auth.hba: [hostssl all all all scram-sha-256]", err: "server.tls.cert_file"},
		{name: "certificate alone", yaml: "server.tls.cert_file: x.pem", err: "both cert_file and key_file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := readFor(t, c.yaml, c.env)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.rules[0].Text != c.rules || a.password != c.password {
				t.Errorf("rule %q and password %q, want %q and %q", a.rules[0].Text, a.password, c.rules, c.password)
			}
		})
	}
}

// The password of the environment is the superuser's from the next start on.
func TestSuperuserPassword(t *testing.T) {
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	cat, err := catalog.Open(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "one", "two", "two"} {
		a := &access{superuser: "boss", password: password, rules: auth.Loopback()}
		if err := a.ensureSuperuser(cat); err != nil {
			t.Fatal(err)
		}
		r := cat.Snapshot().Role("boss")
		if !r.Superuser || !r.Login {
			t.Fatalf("boss is %+v", r)
		}
		if password == "" {
			continue
		}
		v, err := scram.Parse(r.Verifier)
		if err != nil || !v.Matches(password) {
			t.Errorf("the password is not %q: %v", password, err)
		}
		before := cat.Snapshot().Version
		if err := a.ensureSuperuser(cat); err != nil || cat.Snapshot().Version != before {
			t.Errorf("the same password is written again: %v", err)
		}
	}
}
