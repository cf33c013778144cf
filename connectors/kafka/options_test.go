package kafka

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestRack: a reader tells brokers where it stands, and no other does.
func TestRack(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.produce("t", 0, `{"id":1}`)
	racks := make(chan string, 1)
	b.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		select {
		case racks <- req.(*kmsg.FetchRequest).Rack:
		default:
		}
		return nil, nil, false
	})
	for rack, options := range map[string][]string{"": nil, "eu-1a": {"client.rack", "eu-1a"}} {
		select {
		case <-racks:
		default:
		}
		c := b.open(relation("t", options...), stream.Scan{Bounded: true}, nil)
		if got, err := c.rest(); err != nil || !slices.Equal(got, []string{"1 NULL @0:0"}) {
			t.Fatalf("%v: %v, %v", options, got, err)
		}
		select {
		case got := <-racks:
			if got != rack {
				t.Errorf("%v: the rack is %q, want %q", options, got, rack)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%v: nothing was fetched", options)
		}
	}
}

// TestForeignOptions: keys of other clients that mean nothing here are refused with what to
// do instead, and those that are as they are here are taken.
func TestForeignOptions(t *testing.T) {
	for _, c := range []struct {
		role       stream.Role
		key, value string
		code       sqlerr.Code // "": it is taken
		hint       string
	}{
		{stream.RoleSource, "enable.auto.commit", "false", "", ""},
		{stream.RoleSource, "enable.auto.commit", "true", sqlerr.FeatureNotSupported, "checkpoint.interval"},
		{stream.RoleSource, "auto.commit.interval.ms", "5000", sqlerr.FeatureNotSupported, "checkpoint.interval"},
		{stream.RoleSource, "consumer.timeout.ms", "5000", sqlerr.FeatureNotSupported, "LIMIT n"},
		{stream.RoleSource, "receive.buffer.bytes", "65536", sqlerr.FeatureNotSupported, "system"},
		{stream.RoleSink, "send.buffer.bytes", "65536", sqlerr.FeatureNotSupported, "system"},
		{stream.RoleSource, "heartbeat.interval.ms", "3000", "", ""},
		{stream.RoleSource, "max.partition.fetch.bytes", "1MB", "", ""},
		{stream.RoleSource, "fetch_min_bytes", "1", sqlerr.InvalidParameterValue, `"fetch.min.bytes"`},
		{stream.RoleSink, "buffer.memory", "32MB", "", ""},
		{stream.RoleSink, "retries", "3", sqlerr.InvalidParameterValue, "enable.idempotence = 'false'"},
		{stream.RoleSource, "sasl.mechanism", "AWS_MSK_IAM", sqlerr.FeatureNotSupported, "SCRAM-SHA-512"},
		{stream.RoleSource, "sasl.jaas.config", "x", sqlerr.FeatureNotSupported, "sasl.kerberos.keytab"},
		{stream.RoleSink, "sasl.kerberos.kinit.cmd", "kinit", sqlerr.FeatureNotSupported, "sasl.kerberos.keytab"},
		{stream.RoleSink, "sasl.kerberos.min.time.before.relogin", "60000", sqlerr.FeatureNotSupported, "anew"},
		{stream.RoleSource, "sasl.kerberos.principal", "orders", sqlerr.InvalidParameterValue, "GSSAPI"},
		{stream.RoleSource, "sasl.oauthbearer.scope", "s", sqlerr.InvalidParameterValue, "OAUTHBEARER"},
		{stream.RoleSource, "sasl.oauthbearer.extensions", "auth=x", sqlerr.InvalidParameterValue, "not auth"},
		{stream.RoleSource, "sasl.mechanism", "SCRAM", sqlerr.InvalidParameterValue, "SCRAM-SHA-512"},
		{stream.RoleSink, "ssl.key.password", "x", sqlerr.FeatureNotSupported, "openssl"},
		{stream.RoleSink, "ssl.endpoint.identification.algorithm", "none", "", ""},
	} {
		err := Connector{}.Check(&stream.Env{}, relation("t", c.key, c.value), c.role)
		e := sqlerr.From(err)
		switch {
		case c.code == "" && err == nil:
		case e == nil || e.Code != c.code || !strings.Contains(e.Hint, c.hint):
			t.Errorf("%s = %s: %+v, want %s %q", c.key, c.value, e, c.code, c.hint)
		}
	}
}

// TestSecretsElsewhere: user and password lie in the environment, as far as that is allowed,
// and in files under the roots.
func TestSecretsElsewhere(t *testing.T) {
	b := start(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "me", "secret"))
	t.Setenv("FERRIS_TEST_USER", "me")
	env := b.env()
	env.FileRoots = []string{t.TempDir()}
	path := filepath.Join(env.FileRoots[0], "password")
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options := []string{"security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "SCRAM-SHA-512"}
	for _, c := range []struct {
		options []string
		allowed []string
		code    sqlerr.Code
	}{
		{[]string{"sasl.username_env", "FERRIS_TEST_USER", "sasl.password_file", path}, []string{"FERRIS_TEST_USER"}, sqlerr.UndefinedTable}, // it came so far
		{[]string{"sasl.username_env", "FERRIS_TEST_USER", "sasl.password_file", path}, nil, sqlerr.InsufficientPrivilege},
		{[]string{"sasl.username", "me", "sasl.password_file", "/etc/hostname"}, nil, sqlerr.InsufficientPrivilege},
		{[]string{"sasl.username", "me", "sasl.password", "secret", "sasl.password_file", path}, nil, sqlerr.InvalidParameterValue},
	} {
		env.AllowedEnv = c.allowed
		_, err := Connector{}.Source(t.Context(), env, relation("t", append(slices.Clone(options), c.options...)...))
		if sqlerr.CodeOf(err) != c.code {
			t.Errorf("%v: %v, want %s", c.options, err, c.code)
		}
	}
}

// TestTopicNames: what no broker takes for a topic's name is refused where it is declared,
// not by advice to create the topic.
func TestTopicNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"orders": true, "Orders.EU-2_x": true, strings.Repeat("t", 249): true,
		"a b": false, "bücher": false, "a/b": false, ".": false, "..": false, strings.Repeat("t", 250): false,
	} {
		unnamed := relation("")
		unnamed.Name, unnamed.Options = name, nil
		for _, rel := range []*catalog.Relation{relation(name), unnamed} {
			for _, role := range []stream.Role{stream.RoleSource, stream.RoleSink} {
				err := Connector{}.Check(&stream.Env{}, rel, role)
				e := sqlerr.From(err)
				if refused := e != nil && e.Code == sqlerr.InvalidParameterValue && strings.Contains(e.Hint, "249 ASCII letters"); refused == ok || ok != (err == nil) {
					t.Errorf("topic %q of %s %q: %v, want it taken: %v", name, role, rel.Name, err, ok)
				}
			}
		}
	}
}
