package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// authority signs the certificates of a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{dir: dir}
	a.cert, a.key = a.sign(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign makes name.pem, name.key and both in name.both.
func (a *authority) sign(t *testing.T, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for end, text := range map[string][]byte{".pem": public, ".key": private, ".both": append(private, public...)} {
		if err := os.WriteFile(filepath.Join(a.dir, name+end), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// secured are the listeners that take users and certificates. Sessions by SCRAM-SHA-256 last
// two seconds.
func secured(t *testing.T, a *authority) []listener {
	t.Helper()
	a.sign(t, "here", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	a.sign(t, "elsewhere", &x509.Certificate{DNSNames: []string{"kafka.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	a.sign(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	tls := func(cert string) string {
		return fmt.Sprintf("OWN.ssl.keystore.type=PEM\nOWN.ssl.keystore.location=%[1]s/%[2]s.both\nOWN.ssl.truststore.type=PEM\nOWN.ssl.truststore.location=%[1]s/ca.pem\n", a.dir, cert)
	}
	const users = `OWN.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
OWN.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_me="Pl4nted";
OWN.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
OWN.scram-sha-256.connections.max.reauth.ms=2000
OWN.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
`
	return []listener{
		{name: "USERS", protocol: "SASL_PLAINTEXT", addr: gateway.FreeAddr(), settings: users},
		{name: "SECURED", protocol: "SASL_SSL", addr: gateway.FreeAddr(), settings: users + tls("here")},
		{name: "MUTUAL", protocol: "SSL", addr: gateway.FreeAddr(), settings: tls("here") + "OWN.ssl.client.auth=required\n"},
		{name: "ELSEWHERE", protocol: "SSL", addr: gateway.FreeAddr(), settings: tls("elsewhere")},
	}
}

// user gives a user a password for a mechanism; "": it is there no more.
func (s *suite) user(t *testing.T, name string, mechanism kadm.ScramMechanism, password string) {
	t.Helper()
	var gone []kadm.DeleteSCRAM
	var given []kadm.UpsertSCRAM
	if password == "" {
		gone = append(gone, kadm.DeleteSCRAM{User: name, Mechanism: mechanism})
	} else {
		given = append(given, kadm.UpsertSCRAM{User: name, Mechanism: mechanism, Iterations: 4096, Password: password})
	}
	altered, err := s.admin.AlterUserSCRAMs(t.Context(), gone, given)
	if err == nil {
		err = altered.Error()
	}
	if err != nil {
		t.Fatalf("altering user %s: %v", name, err)
	}
}

// by is a stream of the topic held at a listener.
func (s *suite) by(name, listener, options string) string {
	protocol := ""
	for _, l := range s.kafka.listeners {
		if l.name == listener {
			protocol = l.protocol
		}
	}
	return fmt.Sprintf("CREATE STREAM %s (n int) WITH (type = 'kafka', topic = 'known', 'bootstrap.servers' = '%s', 'security.protocol' = '%s', %s)",
		name, s.kafka.listenerAt(listener), protocol, strings.ReplaceAll(options, "DIR", s.dir))
}

// users reads and writes by user and password, by each mechanism, in the clear and over
// TLS; what is wrong is told with its remedy, and shows no password.
func (s *suite) users(t *testing.T) {
	s.topic(t, "known", 1)
	s.produce(t, "known", 0, 1, 2)
	s.user(t, "me", kadm.ScramSha256, "Pl4nted")
	s.user(t, "me", kadm.ScramSha512, "Pl4nted")
	ca := ", 'ssl.ca.location' = 'DIR/ca.pem'"
	written := 2
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for listener, more := range map[string]string{"USERS": "", "SECURED": ca} {
			name := strings.ToLower(strings.ReplaceAll(mechanism, "-", "_") + "_" + listener)
			s.exec(t, s.by(name, listener, fmt.Sprintf("'sasl.mechanism' = '%s', 'sasl.username' = 'me', 'sasl.password' = 'Pl4nted'%s", mechanism, more)))
			written++
			s.exec(t, fmt.Sprintf("INSERT INTO %s (n) VALUES (%d)", name, written))
			s.want(t, "SELECT count(*) || ' ' || max(n) FROM "+name, fmt.Sprintf("[%d %[1]d]", written))
			s.refused(t, s.by(name+"_wrong", listener, fmt.Sprintf("'sasl.mechanism' = '%s', 'sasl.username' = 'me', 'sasl.password' = 'Wr0ng'%s", mechanism, more))+"; SELECT n FROM "+name+"_wrong",
				"28P01", `refused user "me"`)
		}
	}
	s.refused(t, s.by("unmet", "TOKENS", "'sasl.mechanism' = 'PLAIN', 'sasl.username' = 'me', 'sasl.password' = 'Pl4nted'")+"; SELECT n FROM unmet", "22023", "does not take PLAIN")
	s.secrets(t)
	s.left(t)
	s.exec(t, "DROP STREAM scram_sha_256_users")
}

// secrets: user and password in variables and in files, and in a file of options that
// extends another; a password that is refused is of a user who is not named then.
func (s *suite) secrets(t *testing.T) {
	for name, text := range map[string]string{
		"password": "Pl4nted\n", "wrong": "Wr0ng\n",
		"base.yaml":  "sasl.mechanism: ${FERRIS_TEST_MECHANISM:-PLAIN}\nsecurity: {protocol: SASL_PLAINTEXT}\ntopic: nowhere\n",
		"known.yaml": fmt.Sprintf("extends: base.yaml\nbootstrap.servers: [%s, %[1]s]\nsasl:\n  username: ${FERRIS_TEST_USER}\n  password_file: %s/password\ntopic: known\n", s.kafka.listenerAt("USERS"), s.dir),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, options := range map[string]string{
		"variables": "'sasl.username_env' = 'FERRIS_TEST_USER', 'sasl.password_env' = 'FERRIS_TEST_PASSWORD'",
		"files":     "'sasl.username' = 'me', 'sasl.password_file' = 'DIR/password'",
	} {
		s.exec(t, s.by(name, "USERS", "'sasl.mechanism' = 'SCRAM-SHA-512', "+options))
		s.want(t, "SELECT max(n) FROM "+name, "[8]")
	}
	s.exec(t, fmt.Sprintf("CREATE STREAM configured (n int) WITH (type = 'kafka', config_file = '%s/known.yaml')", s.dir))
	s.want(t, "SELECT max(n) FROM configured", "[8]")
	s.exec(t, fmt.Sprintf("CREATE STREAM overridden (n int) WITH (type = 'kafka', config_file = '%s/known.yaml', 'sasl.mechanism' = 'SCRAM-SHA-256')", s.dir))
	s.want(t, "SELECT max(n) FROM overridden", "[8]")
	s.refused(t, s.by("unnamed", "USERS", "'sasl.mechanism' = 'SCRAM-SHA-512', 'sasl.username_env' = 'FERRIS_TEST_USER', 'sasl.password_file' = 'DIR/wrong'")+"; SELECT n FROM unnamed",
		"28P01", "refused the user of sasl.username_env")
	s.refused(t, s.by("unallowed", "USERS", "'sasl.mechanism' = 'SCRAM-SHA-512', 'sasl.username' = 'me', 'sasl.password_env' = 'HOME'")+"; SELECT n FROM unallowed", "42501", `environment variable "HOME"`)
	s.refused(t, s.by("outside", "USERS", "'sasl.mechanism' = 'SCRAM-SHA-512', 'sasl.username' = 'me', 'sasl.password_file' = '/etc/hostname'")+"; SELECT n FROM outside", "42501", "/etc/hostname")
}

// left: a user who is taken away while a job reads, whose sessions end after two seconds, is
// an error that names the user; the job goes on when the user is there again.
func (s *suite) left(t *testing.T) {
	s.user(t, "leaver", kadm.ScramSha256, "Pl4nted")
	s.exec(t, s.by("leaves", "USERS", "'sasl.mechanism' = 'SCRAM-SHA-256', 'sasl.username' = 'leaver', 'sasl.password' = 'Pl4nted'"))
	s.exec(t, "START JOB leaves AS SELECT n FROM leaves INTO l WITH ('l.type' = 'blackhole', 'retry_backoff' = '100ms', 'max_retries' = '1000000')")
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'leaves'", "[8]")
	s.user(t, "leaver", kadm.ScramSha256, "")
	s.eventually(t, `SELECT state FROM ferris.jobs WHERE job_name = 'leaves' AND error LIKE '%refused user "leaver"%'`, "[running]")
	s.user(t, "leaver", kadm.ScramSha256, "Pl4nted")
	s.produce(t, "known", 0, 9)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'leaves' AND error IS NULL", "[9]")
	s.exec(t, "DROP JOB leaves")
}

// certificates: brokers are known by an authority and by their host, and clients by a
// certificate where the broker asks for one.
func (s *suite) certificates(t *testing.T) {
	const ca, client = "'ssl.ca.location' = 'DIR/ca.pem'", ", 'ssl.certificate.location' = 'DIR/client.pem', 'ssl.key.location' = 'DIR/client.key'"
	s.exec(t, s.by("mutual", "MUTUAL", ca+client))
	s.want(t, "SELECT count(*) FROM mutual", "[9]")
	s.exec(t, "INSERT INTO mutual (n) VALUES (10)")
	s.exec(t, s.by("elsewhere", "ELSEWHERE", ca+", 'ssl.endpoint.identification.algorithm' = 'none'"))
	s.want(t, "SELECT max(n) FROM elsewhere", "[10]")
	for _, c := range []struct{ listener, options, code, words string }{
		{"MUTUAL", ca, "08001", "could not connect to Kafka"},
		{"MUTUAL", "'auto.offset.reset' = 'earliest'" + client, "08001", "certificate signed by unknown authority"},
		{"ELSEWHERE", ca, "08001", "127.0.0.1"},
		{"MUTUAL", ca + ", 'ssl.certificate.location' = 'DIR/client.pem', 'ssl.key.location' = 'DIR/here.key'", "22023", "not a certificate and its key"},
		{"MUTUAL", "'ssl.ca.location' = 'DIR/client.key'", "22023", "holds no certificate"},
		{"MUTUAL", "'ssl.ca.location' = 'DIR/none.pem'", "58P01", "No such file"},
		{"MUTUAL", ca + client + ", 'ssl.key.password' = 'x'", "0A000", "ssl.key.password"},
	} {
		s.exec(t, "DROP STREAM IF EXISTS untrusted")
		s.refused(t, s.by("untrusted", c.listener, c.options)+"; SELECT n FROM untrusted", c.code, c.words)
	}
}
