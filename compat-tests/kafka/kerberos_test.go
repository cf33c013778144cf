package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/kerberos"
)

// kerberizedSuite is a gateway over a Kafka that takes the tickets of a KDC.
type kerberizedSuite struct {
	*suite
	kdc *kerberos.KDC
}

// TestKerberos reads and writes by GSSAPI, with the tickets of a real KDC that are good for
// five seconds, over sessions that the broker ends after two.
func TestKerberos(t *testing.T) {
	if os.Getenv("FERRIS_TIER") == "short" {
		t.Skip("starts a second Kafka; the other tiers run it")
	}
	kdc := kerberos.Start(t, "5s")
	broker := StartKerberos(t, kdc)
	s := &kerberizedSuite{begin(t, broker.Addr(), t.TempDir()), kdc}
	s.kafka = broker
	kdc.Keytab(t, "orders", filepath.Join(s.dir, "orders.keytab"))
	conf, err := os.ReadFile(kdc.Conf())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "krb5.conf"), conf, 0o600); err != nil {
		t.Fatal(err)
	}
	s.topic(t, "held", 1)
	s.produce(t, "held", 0, 1, 2)
	s.exec(t, "CREATE STREAM held (n int) "+s.with(keytab))
	t.Run("ReadAndWrite", s.readAndWrite)
	t.Run("Settings", s.settings)
	t.Run("Refused", s.refusals)
	t.Run("Expiry", s.expiry)
	t.Run("Down", s.down)
	t.Run("BrokerKey", s.brokerKey)
}

// keytab are the options of the principal whose keytab is good.
const keytab = "'sasl.kerberos.principal' = 'orders@FERRIS.TEST', 'sasl.kerberos.keytab' = 'orders.keytab'"

// with are the options of the topic, and more, in which names of files lie in the gateway's
// folder.
func (s *kerberizedSuite) with(more string) string {
	all := fmt.Sprintf("WITH (type = 'kafka', topic = 'held', 'bootstrap.servers' = '%s', 'security.protocol' = 'SASL_PLAINTEXT', 'sasl.mechanism' = 'GSSAPI', 'sasl.kerberos.krb5.conf' = 'krb5.conf', %s)",
		s.kafka.Tickets(), more)
	return regexp.MustCompile(`'(\w+\.(conf|keytab))'`).ReplaceAllString(all, "'"+s.dir+"/$1'")
}

// readAndWrite: by keytab and by password, source and sink, in transactions too.
func (s *kerberizedSuite) readAndWrite(t *testing.T) {
	s.exec(t, "INSERT INTO held (n) VALUES (3)")
	s.want(t, "SELECT n FROM held", "[1 2 3]")
	s.kdc.Admin(t, "addprinc -pw Pl4nted me/gateway")
	s.exec(t, "CREATE STREAM mine (n int) "+s.with("'sasl.username' = 'me/gateway', 'sasl.password' = 'Pl4nted'"))
	s.want(t, "SELECT count(*) FROM mine", "[3]")
	sink := strings.TrimSuffix(strings.TrimPrefix(s.with(keytab), "WITH ("), ")")
	s.exec(t, "CREATE SINK copies WITH ("+strings.Replace(sink, "'held'", "'copies'", 1)+")")
	s.exec(t, "START JOB copies WITH (use_transactions = 'true') AS SELECT n FROM held INTO copies")
	s.exec(t, "CREATE STREAM copied (n int) WITH (type = 'kafka', topic = 'copies')")
	until(t, "the copies", func() bool {
		got, err := s.run(t, "SELECT count(*) || ' ' || sum(n) FROM copied")
		return err == nil && fmt.Sprint(got) == "[3 6]"
	})
	s.exec(t, "DROP JOB copies")
}

// settings: a gateway whose configuration has the brokers, the principal and its keytab,
// which lies in no file.roots.
func (s *kerberizedSuite) settings(t *testing.T) {
	other := s.configured(t, fmt.Sprintf("file.roots: [%s]\nkafka: {brokers: '%s', security_protocol: SASL_PLAINTEXT, consumer: {fetch_min_bytes: 10}, producer: {compression_type: lz4},\n"+
		"  sasl: {mechanism: GSSAPI, kerberos: {principal: orders@FERRIS.TEST, keytab: %s/orders.keytab, krb5_conf: %[3]s/krb5.conf}}}\n", t.TempDir(), s.kafka.Tickets(), s.dir))
	s.topic(t, "plain", 1)
	other.exec(t, "CREATE STREAM plain (n int) WITH (type = 'kafka', topic = 'plain'); CREATE SINK more WITH (type = 'kafka', topic = 'more'); INSERT INTO plain (n) VALUES (1)")
	other.exec(t, "START JOB more WITH (use_transactions = 'true') AS SELECT n + 1 AS n FROM plain INTO more")
	other.eventually(t, "SELECT rows_out || ' ' || coalesce(error, '') FROM ferris.jobs", "[1 ]")
	other.want(t, "CREATE STREAM made (n int) WITH (type = 'kafka', topic = 'more'); SELECT n FROM made", "[2]")
}

// refusals: what is wrong is told with its remedy, and shows no secret.
func (s *kerberizedSuite) refusals(t *testing.T) {
	s.kdc.Keytab(t, "stale", filepath.Join(s.dir, "stale.keytab"))
	s.kdc.Admin(t, "cpw -randkey stale")
	s.kdc.Admin(t, "addprinc -pw Pl4nted +needchange expired")
	for _, c := range []struct{ options, code, words string }{
		{"'sasl.kerberos.principal' = 'nobody@FERRIS.TEST', 'sasl.kerberos.keytab' = 'orders.keytab'", "22023", "has no key of principal"},
		{"'sasl.kerberos.principal' = 'nobody@FERRIS.TEST', 'sasl.password' = 'Pl4nted'", "28P01", "knows no principal"},
		{"'sasl.kerberos.principal' = 'me/gateway@FERRIS.TEST', 'sasl.password' = 'wrong'", "28P01", "does not take the key"},
		{"'sasl.kerberos.principal' = 'expired', 'sasl.password' = 'Pl4nted'", "28P01", "does not let principal"},
		{"'sasl.kerberos.principal' = 'stale@FERRIS.TEST', 'sasl.kerberos.keytab' = 'stale.keytab'", "28P01", "does not take the key"},
		{"'sasl.kerberos.principal' = 'orders@FERRIS.TEST', 'sasl.kerberos.keytab' = 'none.keytab'", "58P01", "No such file"},
		{"'sasl.kerberos.principal' = 'orders@OTHER.TEST', 'sasl.kerberos.keytab' = 'orders.keytab'", "22023", "names no KDC"},
		{keytab + ", 'sasl.kerberos.service.name' = 'nats'", "22023", "knows no service \"nats/localhost\""},
	} {
		s.refused(t, "CREATE STREAM refused (n int) "+s.with(c.options)+"; SELECT n FROM refused", c.code, c.words)
	}
}

// issued is when the KDC last gave the principal a ticket by its key, in seconds since 1970.
func (s *kerberizedSuite) issued(t *testing.T, principal string) int64 {
	t.Helper()
	all := regexp.MustCompile(`AS_REQ .* ISSUE: authtime (\d+), .* `+principal+`@`).FindAllStringSubmatch(s.kdc.Log(), -1)
	if len(all) == 0 {
		return 0
	}
	at, err := strconv.ParseInt(all[len(all)-1][1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// expiry: a job asks for new tickets when those that it began with are too old. (Brokers
// and KDCs take old ones for some minutes, as clocks may differ.)
func (s *kerberizedSuite) expiry(t *testing.T) {
	s.exec(t, "START JOB holds AS SELECT n FROM held INTO h WITH ('h.type' = 'blackhole', 'retry_backoff' = '100ms')")
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'holds'", "[3]")
	first := s.issued(t, "orders")
	until(t, "a ticket after the first ones have expired", func() bool { return s.issued(t, "orders") > first+6 })
	s.produce(t, "held", 0, 4)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'holds' AND error IS NULL", "[4]")
}

// down: a KDC that is gone is an outage, which a job waits out.
func (s *kerberizedSuite) down(t *testing.T) {
	s.kdc.Stop()
	s.refused(t, "SELECT n FROM held", "08001", "no KDC of realm \"FERRIS.TEST\"")
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name = 'holds' AND error LIKE '%no KDC of realm%'", "[running]")
	s.kdc.Run(t)
	s.produce(t, "held", 0, 5)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'holds' AND error IS NULL", "[5]")
	s.exec(t, "DROP JOB holds")
}

// brokerKey: a ticket that the broker cannot read, since the KDC has another key of it.
func (s *kerberizedSuite) brokerKey(t *testing.T) {
	s.kdc.Admin(t, "cpw -randkey kafka/localhost")
	s.refused(t, "SELECT n FROM held", "28P01", "refused the ticket")
}
