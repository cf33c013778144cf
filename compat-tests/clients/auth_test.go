package clients

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// authority signs certificates for a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), next: 1}
	a.key = a.sign(t, "ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// sign writes name.pem and name.key.
func (a *authority) sign(t *testing.T, name string, c *x509.Certificate) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(a.next), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	a.next++
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(a.path(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

func (a *authority) server(t *testing.T, name string) {
	a.sign(t, name, &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// TestAuthentication: who gets in, by which rule, and what the others are told.
func TestAuthentication(t *testing.T) {
	a := newAuthority(t)
	a.server(t, "server")
	for _, name := range []string{"certain", "other"} {
		a.sign(t, name, &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	}
	settings := a.path("ferris.yaml")
	text := fmt.Sprintf(`
auth.superuser: boss
auth.hba:
  - hostssl all certain all cert
  - hostssl all clear all password
  - host all refused all reject
  - hostnossl all secure all reject
  - host all +apps all trust
  - host all +staff all scram-sha-256
  - host all boss,ann,late,nologin,one,secure,ghost all scram-sha-256
server.tls: {cert_file: %s, key_file: %s, client_ca_file: %s}
`, a.path("server.pem"), a.path("server.key"), a.path("ca.pem"))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g := gateway.Start(t, gateway.Options{Args: []string{"--config", settings}, Env: []string{"FERRIS_SUPERUSER_PASSWORD=top secret"}})
	plain := func(user, password string) string {
		return fmt.Sprintf("host=127.0.0.1 port=%s user=%s password='%s' dbname=ferris sslmode=disable", port(g), user, password)
	}
	secure := func(user, password string) string {
		return strings.Replace(plain(user, password), "sslmode=disable", "sslmode=verify-full sslrootcert="+a.path("ca.pem"), 1)
	}
	with := func(dsn, cert string) string {
		return dsn + " sslcert=" + a.path(cert+".pem") + " sslkey=" + a.path(cert+".key")
	}
	ctx := context.Background()
	boss, err := pgconn.Connect(ctx, secure("boss", "top secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer boss.Close(ctx)
	if _, err := boss.Exec(ctx, `
		CREATE ROLE staff; CREATE ROLE apps; CREATE USER app IN ROLE apps; CREATE USER ann PASSWORD 'pw'; CREATE USER member PASSWORD 'pw' IN ROLE staff; CREATE USER clear PASSWORD 'pw';
		CREATE USER late PASSWORD 'pw' VALID UNTIL '2020-01-01'; CREATE ROLE nologin PASSWORD 'pw'; CREATE USER one PASSWORD 'pw' CONNECTION LIMIT 1;
		CREATE USER secure PASSWORD 'p\u00e4ss'; CREATE USER certain; CREATE USER bare`).ReadAll(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dsn, want string }{
		{"password", plain("ann", "pw"), ""},
		{"over TLS", secure("ann", "pw"), ""},
		{"wrong password", plain("ann", "px"), `28P01.*password authentication failed for user "ann"`},
		{"wrong password over TLS", secure("ann", "px"), "28P01"},
		{"unknown user", plain("ghost", "pw"), `28P01.*password authentication failed for user "ghost"`},
		{"password out of date", plain("late", "pw"), "28P01"},
		{"no login", plain("nologin", "pw"), `28000.*role "nologin" is not permitted to log in`},
		{"member of a group", plain("member", "pw"), ""},
		{"member of a trusted group", plain("app", ""), ""},
		{"a superuser is in no group", plain("boss", "wrong"), "28P01"},
		{"no rule", plain("bare", "pw"), `28000.*no pg_hba.conf entry for host "127.0.0.1", user "bare", database "ferris", no encryption`},
		{"no rule over TLS", secure("bare", "pw"), `28000.*SSL encryption`},
		{"rejected", plain("refused", ""), `28000.*pg_hba.conf rejects connection`},
		{"TLS wanted", plain("secure", "p\\u00e4ss"), "28000"},
		{"clear password over TLS", secure("clear", "pw"), ""},
		{"wrong clear password", secure("clear", "no"), "28P01"},
		{"clear password without TLS", plain("clear", "pw"), "28000.*no pg_hba.conf entry"},
		{"certificate", with(secure("certain", ""), "certain"), ""},
		{"another's certificate", with(secure("certain", ""), "other"), `28000.*certificate authentication failed for user "certain"`},
		{"no certificate", secure("certain", ""), "28000.*connection requires a valid client certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := pgconn.Connect(ctx, c.dsn)
			if err == nil {
				_, err = conn.Exec(ctx, "SELECT current_user").ReadAll()
				conn.Close(ctx)
			}
			checkRefusal(t, err, c.want)
		})
	}
	t.Run("connection limit", func(t *testing.T) {
		first, err := pgconn.Connect(ctx, plain("one", "pw"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = pgconn.Connect(ctx, plain("one", "pw"))
		checkRefusal(t, err, `53300.*too many connections for role "one"`)
		first.Close(ctx)
	})
	t.Run("libpq", func(t *testing.T) {
		for _, c := range []struct{ dsn, want string }{
			{secure("ann", "pw") + " channel_binding=require", ""},
			{secure("ann", "no") + " channel_binding=require", "password authentication failed"},
			{plain("ann", "pw"), ""},
			{secure("clear", "pw"), ""},
			{with(secure("certain", ""), "certain"), ""},
		} {
			var out bytes.Buffer
			cmd := exec.Command("psql", "-X", "-A", "-t", "-c", "SELECT current_user", c.dsn)
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if (err == nil) != (c.want == "") || !strings.Contains(out.String(), c.want) {
				t.Errorf("psql %s: %v, %s", c.dsn, err, out.String())
			}
		}
	})
	t.Run("TLS at once", func(t *testing.T) { tlsAtOnce(t, g, a) })
	t.Run("new certificate", func(t *testing.T) {
		before := servedSerial(t, g, a)
		a.server(t, "server")
		for end := time.Now().Add(20 * time.Second); servedSerial(t, g, a).Cmp(before) == 0; {
			if time.Now().After(end) {
				t.Fatal("the certificate that was renewed is not served")
			}
			// Two looks at the files are a second apart.
			now := time.Now()
			if err := os.Chtimes(a.path("server.pem"), now, now); err != nil {
				t.Fatal(err)
			}
		}
		conn, err := pgconn.Connect(ctx, secure("ann", "pw"))
		if err != nil {
			t.Fatal(err)
		}
		conn.Close(ctx)
	})
	t.Run("by themselves", func(t *testing.T) {
		conn, err := pgconn.Connect(ctx, plain("ann", "pw"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE ROLE more").ReadAll()
		checkRefusal(t, err, "42501.*permission denied to create role")
		_, err = conn.Exec(ctx, "ALTER ROLE clear PASSWORD 'x'").ReadAll()
		checkRefusal(t, err, "42501.*permission denied to alter role")
		if _, err = conn.Exec(ctx, "ALTER ROLE ann PASSWORD 'new'").ReadAll(); err != nil {
			t.Fatal(err)
		}
		_, err = pgconn.Connect(ctx, plain("ann", "pw"))
		checkRefusal(t, err, "28P01")
		again, err := pgconn.Connect(ctx, plain("ann", "new"))
		if err != nil {
			t.Fatal(err)
		}
		again.Close(ctx)
	})
	for _, secret := range []string{"top secret", "SCRAM-SHA-256$"} {
		if strings.Contains(g.Log(), secret) {
			t.Errorf("the log says %q", secret)
		}
	}
}

// servedSerial is the number of the certificate that the gateway shows.
func servedSerial(t *testing.T, g *gateway.Process, a *authority) *big.Int {
	t.Helper()
	c, err := tls.Dial("tcp", g.Listen, a.client(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber
}

// client is the configuration of a client that begins with the handshake.
func (a *authority) client(t *testing.T) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"postgresql"}}
}

// tlsAtOnce begins with the handshake, as clients of PostgreSQL 17 may: the
// protocol has to be named.
func tlsAtOnce(t *testing.T, g *gateway.Process, a *authority) {
	c, err := tls.Dial("tcp", g.Listen, a.client(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	startup := "\x00\x03\x00\x00user\x00ann\x00database\x00ferris\x00\x00"
	if _, err := c.Write(append([]byte{0, 0, 0, byte(len(startup) + 4)}, startup...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 64)
	n, err := c.Read(answer)
	if err != nil || n < 9 || answer[0] != 'R' || !bytes.Contains(answer[:n], []byte("SCRAM-SHA-256-PLUS")) {
		t.Errorf("the answer is %q, %v", answer[:n], err)
	}
	config := a.client(t)
	config.NextProtos = nil
	bare, err := tls.Dial("tcp", g.Listen, config)
	if err != nil {
		return // refused in the handshake
	}
	defer bare.Close()
	if n, err := bare.Read(answer); err == nil {
		t.Errorf("a client that names no protocol is answered %q", answer[:n])
	}
}

func port(g *gateway.Process) string {
	_, p, _ := net.SplitHostPort(g.Listen)
	return p
}

// checkRefusal holds an error to a pattern of its SQLSTATE and text; "": none.
func checkRefusal(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Errorf("%v; want %s", err, want)
		return
	}
	if got := e.Code + " " + e.Message; !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%s; want %s", got, want)
	}
}
