package clients

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

// driverObjects are what the drivers find, in PostgreSQL and in the gateway.
const driverObjects = `
CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TABLE items (id bigint PRIMARY KEY, name varchar(20) NOT NULL, price numeric(10,2) DEFAULT 1.50, mood mood, tags text[], made timestamptz);
CREATE TABLE parts (item bigint REFERENCES items (id) ON DELETE CASCADE, n int, CHECK (n >= 0), PRIMARY KEY (item, n));
CREATE UNIQUE INDEX items_name ON items (name);
CREATE VIEW dear AS SELECT id, price FROM items WHERE price > 5;
COMMENT ON TABLE items IS 'what is sold';
INSERT INTO items SELECT n, 'n' || n, n + 0.25, CASE WHEN n % 2 = 0 THEN 'ok'::mood END, ARRAY['a', 'b' || n], '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(1, 10) AS n;
INSERT INTO parts SELECT i, n FROM generate_series(1, 3) AS i, generate_series(0, 1) AS n;
GRANT SELECT ON items, parts, dear TO ann;`

// driverTypes is a value of each type that a driver reads in its own way.
const driverTypes = `SELECT true AS b, 1::int2 AS i2, 2::int4 AS i4, 3::int8 AS i8, 1.5::float8 AS f8, 0.1::float4 AS f4, 12.340::numeric(9,3) AS n, 'h€'::text AS t, 'c'::char(3) AS c,
	DATE '2024-02-29' AS d, TIME '01:02:03.5' AS tm, TIMESTAMP '2024-02-29 01:02:03.123456' AS ts, TIMESTAMPTZ '2024-02-29 01:02:03+02' AS tz, INTERVAL '1 day 02:03:04' AS iv,
	'6ecd8c99-4036-403d-bf84-cf8400f67836'::uuid AS u, '\x01ff'::bytea AS y, '{"k": [1, null]}'::jsonb AS j, ARRAY[1,2,NULL] AS a, ARRAY['x','y"z'] AS ta, NULL::int AS z`

// driverServer is a server that the drivers are given.
type driverServer struct {
	host, port string
	live       string // a statement whose rows do not end
	ca         string // of the server's certificate; "": it has no TLS, and asks for no password
}

func (s driverServer) env() []string {
	env := []string{
		"DRIVER_HOST=" + s.host, "DRIVER_PORT=" + s.port, "DRIVER_USER=ann", "DRIVER_PASSWORD=pw", "DRIVER_DATABASE=postgres",
		"DRIVER_LIVE=" + s.live, "DRIVER_TYPES=" + driverTypes,
	}
	if s.ca != "" {
		env = append(env, "DRIVER_CA="+s.ca)
	}
	return env
}

// driverServers start PostgreSQL and a gateway with the same objects and the same
// user. The gateway has a certificate and asks for passwords.
func driverServers(t *testing.T) (oracle, ours driverServer) {
	t.Helper()
	p := postgres.Start(t)
	u, err := url.Parse(p.DSN())
	if err != nil {
		t.Fatal(err)
	}
	oracle = driverServer{host: u.Hostname(), port: u.Port(), live: "SELECT generate_series(1, 1000000000) AS id"}
	if _, err := connect(t, p.DSN()).Exec(t.Context(), "CREATE USER ann;"+driverObjects); err != nil {
		t.Fatal(err)
	}
	g, a := secureGateway(t)
	ours = driverServer{host: "127.0.0.1", port: port(g.Process), live: "SELECT id FROM ticks EMIT CHANGES", ca: a.path("ca.pem")}
	boss := connect(t, g.secureURL("ferris", "top secret"))
	if _, err := boss.Exec(t.Context(), "CREATE USER ann PASSWORD 'pw';"+driverObjects+setup+"GRANT SELECT ON numbers, ticks TO ann"); err != nil {
		t.Fatal(err)
	}
	return oracle, ours
}

// securedGateway is a gateway with a certificate that asks for passwords.
type securedGateway struct {
	*gateway.Process
	ca string
}

func (g securedGateway) secureURL(user, password string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Host: net.JoinHostPort("localhost", port(g.Process)), Path: "/postgres",
		RawQuery: url.Values{"sslmode": {"verify-full"}, "sslrootcert": {g.ca}}.Encode(),
	}
	return u.String()
}

// secureGateway starts one whose superuser's password is "top secret".
func secureGateway(t *testing.T) (securedGateway, *authority) {
	t.Helper()
	a := newAuthority(t)
	a.server(t, "server")
	settings := a.path("ferris.yaml")
	text := fmt.Sprintf("server.tls: {cert_file: %s, key_file: %s}\n", a.path("server.pem"), a.path("server.key"))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g := gateway.Start(t, gateway.Options{Args: []string{"--config", settings}, Env: []string{"FERRIS_SUPERUSER_PASSWORD=top secret"}})
	s := securedGateway{g, a.path("ca.pem")}
	ssl := ""
	if err := connect(t, s.secureURL("ferris", "top secret")).QueryRow(t.Context(), "SHOW ssl").Scan(&ssl); err != nil || ssl != "on" {
		t.Errorf("SHOW ssl with a certificate is %q, %v", ssl, err)
	}
	return s, a
}

// TestDrivers has each driver connect, load types and metadata, prepare, page, read
// live rows, cancel and copy, on PostgreSQL 16 and on the gateway: each prints the
// same of both. On the gateway it then comes over TLS and by SCRAM.
func TestDrivers(t *testing.T) {
	python := []string{"PYTHONPATH=" + pythonDir(t), "PYTHONDONTWRITEBYTECODE=1"}
	node := []string{"NODE_PATH=" + filepath.Join(cacheDir(t), "node", "node_modules")}
	oracle, ours := driverServers(t)
	for _, d := range []struct {
		name    string
		env     []string
		command []string
		secure  []string // what it says over TLS, and without; "true": the wrong password was told
	}{
		{"psycopg 3", python, []string{"python3", filepath.Join("python", "psycopg_3.py")}, []string{`tls [true]`, `plain [false]`, `channel binding [true]`, `wrong true`}},
		{"psycopg 2", python, []string{"python3", filepath.Join("python", "psycopg_2.py")}, []string{`tls [true]`, `plain [false]`, `channel binding [true]`, `wrong true`}},
		{"asyncpg", python, []string{"python3", filepath.Join("python", "asyncpg_.py")}, []string{`tls [true]`, `plain [false]`, `wrong true`}},
		{"SQLAlchemy", python, []string{"python3", filepath.Join("python", "sqlalchemy_.py")}, []string{`tls [true]`, `plain [false]`}},
		{"psqlODBC", python, []string{"python3", filepath.Join("python", "psqlodbc.py")}, []string{`tls [1]`, `plain [0]`, `wrong true`}},
		{"node-postgres", node, []string{"node", filepath.Join("node", "pg_everything.js")}, []string{`tls [true]`, `plain [false]`, `channel binding [true]`, `wrong true`}},
		{"postgres.js", node, []string{"node", filepath.Join("node", "postgres.js")}, []string{`tls [true]`, `plain [false]`, `wrong true`}},
		{"DBD::Pg", nil, []string{"/usr/bin/perl", filepath.Join("perl", "dbd_pg.pl")}, []string{`channel binding [1]`, `plain [0]`, `tls [1]`, `wrong true`}},
	} {
		t.Run(d.name, func(t *testing.T) {
			answers := func(s driverServer) (checks, secure []string) {
				out := run(t, "", append(s.env(), d.env...), d.command[0], d.command[1:]...)
				return splitChecks(t, out)
			}
			want, _ := answers(oracle)
			got, secure := answers(ours)
			if len(want) < 10 {
				t.Fatalf("it made %d checks", len(want))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what it reads (-PostgreSQL's +ours):\n%s", diff)
			}
			if diff := cmp.Diff(d.secure, secure); diff != "" {
				t.Errorf("over TLS (-want +got):\n%s", diff)
			}
		})
	}
}

// splitChecks are the lines that a driver's script printed, those of TLS and SCRAM apart.
// OIDs of what the test made are not the same in two servers.
func splitChecks(t *testing.T, out string) (checks, secure []string) {
	t.Helper()
	for line := range strings.Lines(out) {
		var c struct {
			Name  string
			Value json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("a driver printed %q: %v", line, err)
		}
		if name, ok := strings.CutPrefix(c.Name, "scram, "); ok {
			secure = append(secure, name+" "+string(c.Value))
			continue
		}
		checks = append(checks, c.Name+": "+string(c.Value))
	}
	return checks, secure
}

// pythonDir is where install.sh puts the drivers of the python3 that is there.
func pythonDir(t *testing.T) string {
	t.Helper()
	version := strings.TrimSpace(run(t, "", nil, "python3", "-c", `import sys; print("%d.%d" % sys.version_info[:2])`))
	return filepath.Join(cacheDir(t), "python-"+version)
}
