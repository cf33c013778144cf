// Package kafka runs a real Apache Kafka for tests, beside the embedded fake: one
// node in KRaft mode on free loopback ports, in a directory of its own that is
// gone with the test. compat-tests/install.sh fetches it into the cache.
package kafka

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/kerberos"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Server is a Kafka broker, a process of its own.
type Server struct {
	addr, controller string
	tokens           string // the listener that takes tokens
	tickets          *tickets
	dir              string
	jars             string
	cmd              *exec.Cmd
	done             chan struct{} // closed when the process has ended
	log              *log
}

// startTimeout bounds how long the broker may take until it answers.
const startTimeout = 90 * time.Second

//go:embed pom.xml
var pom string

// tickets is a listener that takes Kerberos tickets of a KDC.
type tickets struct {
	addr   string // of the host localhost
	krb5   string // the path of krb5.conf
	keytab string // of kafka/localhost
}

// Start runs a broker until the test ends. The test fails where there is none.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, nil)
}

// StartKerberos runs a broker that takes the KDC's tickets, too, for sessions of two
// seconds.
func StartKerberos(t testing.TB, kdc *kerberos.KDC) *Server {
	t.Helper()
	k := &tickets{krb5: kdc.Conf(), keytab: filepath.Join(t.TempDir(), "broker.keytab")}
	kdc.Keytab(t, "kafka/localhost", k.keytab)
	_, port, err := net.SplitHostPort(gateway.FreeAddr())
	if err != nil {
		t.Fatal(err)
	}
	k.addr = "localhost:" + port
	return start(t, k)
}

func start(t testing.TB, k *tickets) *Server {
	t.Helper()
	s := &Server{addr: gateway.FreeAddr(), controller: gateway.FreeAddr(), tokens: gateway.FreeAddr(), tickets: k, dir: t.TempDir(), log: &log{}}
	var err error
	if s.jars, err = cache.Jars(pom, "kafka"); err != nil {
		t.Fatal(err)
	}
	if err := s.format(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("Kafka's log:\n%s", s.log)
		}
	})
	s.Run(t)
	return s
}

// settings are the broker's. Retention and segments are looked at each second, so
// that a test sees what they do. Tokens are those of Kafka's own validator for tests,
// which are not signed, and sessions by them last two seconds.
const settings = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s,TOKENS://%[4]s%[5]s
advertised.listeners=PLAINTEXT://%[1]s,TOKENS://%[4]s%[5]s
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,TOKENS:SASL_PLAINTEXT,TICKETS:SASL_PLAINTEXT
listener.name.tokens.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.tokens.oauthbearer.connections.max.reauth.ms=2000
listener.name.tokens.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
inter.broker.listener.name=PLAINTEXT
log.dirs=%[3]s
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=0
`

// kerberized are those of a listener that takes tickets. The broker has its key in the
// keytab and asks the KDC for nothing.
const kerberized = `
listener.name.tickets.sasl.enabled.mechanisms=GSSAPI
listener.name.tickets.gssapi.connections.max.reauth.ms=2000
listener.name.tickets.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required isInitiator=false useKeyTab=true storeKey=true keyTab="%s" principal="kafka/localhost@%s";
sasl.kerberos.service.name=kafka
`

func (s *Server) properties() string { return filepath.Join(s.dir, "server.properties") }

// format writes the settings, and the empty log that a broker wants to find.
func (s *Server) format(ctx context.Context) error {
	more := ""
	if s.tickets != nil {
		more = ",TICKETS://" + s.tickets.addr
	}
	text := fmt.Sprintf(settings, s.addr, s.controller, filepath.Join(s.dir, "logs"), s.tokens, more)
	if s.tickets != nil {
		text += fmt.Sprintf(kerberized, s.tickets.keytab, kerberos.Realm)
	}
	if err := os.WriteFile(s.properties(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing Kafka's settings: %w", err)
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[0] &= 0x7f           // so that its text does not begin with a dash
	cmd := s.java(ctx, "kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id[:]), "-c", s.properties())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting Kafka's log: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) java(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", s.jars}, args...)
	if s.tickets != nil {
		args = append([]string{"-Djava.security.krb5.conf=" + s.tickets.krb5}, args...)
	}
	return exec.CommandContext(ctx, "java", args...)
}

// Run starts the broker, also again after Kill, and returns when it answers.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	s.cmd = s.java(context.Background(), "kafka.Kafka", s.properties())
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ^C is for the tests, which end it
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting Kafka: %v", err)
	}
	s.done = make(chan struct{})
	go func() {
		_ = s.cmd.Wait() // how it ended is in its log
		close(s.done)
	}()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for client.Ping(ctx) != nil {
		select {
		case <-tick.C:
		case <-s.done:
			t.Fatalf("Kafka ended:\n%s", s.log)
		case <-ctx.Done():
			t.Fatalf("Kafka does not answer at %s:\n%s", s.addr, s.log)
		}
	}
}

// Addr is where clients connect.
func (s *Server) Addr() string { return s.addr }

// Tokens is where clients connect by OAUTHBEARER.
func (s *Server) Tokens() string { return s.tokens }

// Tickets is where clients connect by GSSAPI, of a broker that StartKerberos started.
func (s *Server) Tickets() string { return s.tickets.addr }

// Kill ends the broker with SIGKILL and waits for it. It may be called twice.
func (s *Server) Kill() {
	if s.done == nil {
		return
	}
	_ = s.cmd.Process.Kill() // one that has ended is no error
	<-s.done
}

// log keeps what the broker prints.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.b.String())
}
