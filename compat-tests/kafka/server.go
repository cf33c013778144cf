// Package kafka runs a real Apache Kafka for tests, beside the embedded fake: one
// node in KRaft mode on free loopback ports, in a directory of its own that is
// gone with the test. compat-tests/install.sh fetches it into the cache.
package kafka

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	node
	addr, controller string
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

// listener is one more place where a broker takes clients.
type listener struct {
	name, protocol string // SASL_SSL, say
	addr           string
	advertised     string // what clients are told to connect to; "": addr
	settings       string // lines of the broker's, in which OWN. begins a key of the listener's own
}

// node is what a process is in its cluster.
type node struct {
	id        int
	roles     string // broker, controller, or both
	quorum    string // where node 1 takes the other nodes; "": it is node 1
	cluster   string // the cluster's id
	listeners []listener
	krb5      string // the krb5.conf of a broker that takes tickets; "": none
	settings  string // more lines
}

// Start runs a broker until the test ends. The test fails where there is none.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, alone())
}

// StartKerberos runs a broker that takes the KDC's tickets, too, for sessions of two
// seconds.
func StartKerberos(t testing.TB, kdc *kerberos.KDC) *Server {
	t.Helper()
	keytab := filepath.Join(t.TempDir(), "broker.keytab")
	kdc.Keytab(t, "kafka/localhost", keytab)
	_, port, err := net.SplitHostPort(gateway.FreeAddr())
	if err != nil {
		t.Fatal(err)
	}
	n := alone(listener{name: "TICKETS", protocol: "SASL_PLAINTEXT", addr: "localhost:" + port, settings: fmt.Sprintf(kerberized, keytab, kerberos.Realm)})
	n.krb5 = kdc.Conf()
	return start(t, n)
}

// alone is a broker that is its own cluster.
func alone(more ...listener) node {
	tokens := listener{name: "TOKENS", protocol: "SASL_PLAINTEXT", addr: gateway.FreeAddr(), settings: bearing}
	return node{id: 1, roles: "broker,controller", cluster: clusterID(), listeners: append(more, tokens)}
}

// clusterID is a new cluster's.
func clusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[0] &= 0x7f           // so that its text does not begin with a dash
	return base64.RawURLEncoding.EncodeToString(id[:])
}

func start(t testing.TB, n node) *Server {
	t.Helper()
	s := &Server{node: n, addr: gateway.FreeAddr(), controller: gateway.FreeAddr(), dir: t.TempDir(), log: &log{}}
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
// that a test sees what they do, and what is to be compacted likewise.
const settings = `controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
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
log.cleaner.backoff.ms=500
`

// bearing are those of a listener whose tokens are those of Kafka's own validator for
// tests, which are not signed; sessions by them last two seconds.
const bearing = `OWN.sasl.enabled.mechanisms=OAUTHBEARER
OWN.oauthbearer.connections.max.reauth.ms=2000
OWN.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
`

// kerberized are those of a listener that takes tickets. The broker has its key in the
// keytab and asks the KDC for nothing.
const kerberized = `OWN.sasl.enabled.mechanisms=GSSAPI
OWN.gssapi.connections.max.reauth.ms=2000
OWN.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required isInitiator=false useKeyTab=true storeKey=true keyTab="%s" principal="kafka/localhost@%s";
sasl.kerberos.service.name=kafka
`

func (s *Server) properties() string { return filepath.Join(s.dir, "server.properties") }

// text is what the settings have of this node, and those that all have.
func (s *Server) text() string {
	var at, own []string
	protocols := []string{"CONTROLLER:PLAINTEXT", "PLAINTEXT:PLAINTEXT"}
	if strings.Contains(s.roles, "broker") {
		at = append(at, "PLAINTEXT://"+s.addr)
		advertised := []string{at[0]}
		for _, l := range s.listeners {
			at = append(at, l.name+"://"+l.addr)
			advertised = append(advertised, l.name+"://"+cmp.Or(l.advertised, l.addr))
			protocols = append(protocols, l.name+":"+l.protocol)
			own = append(own, strings.ReplaceAll(l.settings, "OWN.", "listener.name."+strings.ToLower(l.name)+"."))
		}
		own = append(own, "advertised.listeners="+strings.Join(advertised, ","))
	}
	if strings.Contains(s.roles, "controller") {
		at = append(at, "CONTROLLER://"+s.controller)
	}
	lines := append([]string{
		"process.roles=" + s.roles, fmt.Sprint("node.id=", s.id), "controller.quorum.voters=1@" + cmp.Or(s.quorum, s.controller),
		"listeners=" + strings.Join(at, ","), "listener.security.protocol.map=" + strings.Join(protocols, ","), "log.dirs=" + filepath.Join(s.dir, "logs"), s.settings,
	}, own...)
	return strings.Join(lines, "\n") + "\n" + settings
}

// format writes the settings, and the empty log that a broker wants to find.
func (s *Server) format(ctx context.Context) error {
	text := s.text()
	if err := os.WriteFile(s.properties(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing Kafka's settings: %w", err)
	}
	cmd := s.java(ctx, "kafka.tools.StorageTool", "format", "-t", s.cluster, "-c", s.properties())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("formatting Kafka's log: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) java(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", s.jars}, args...)
	if s.krb5 != "" {
		args = append([]string{"-Djava.security.krb5.conf=" + s.krb5}, args...)
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
	if !strings.Contains(s.roles, "broker") {
		return // its brokers wait for it
	}
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

// listenerAt is where a listener takes clients.
func (s *Server) listenerAt(name string) string {
	return s.listeners[slices.IndexFunc(s.listeners, func(l listener) bool { return l.name == name })].addr
}

// Tokens is where clients connect by OAUTHBEARER.
func (s *Server) Tokens() string { return s.listenerAt("TOKENS") }

// Tickets is where clients connect by GSSAPI, of a broker that StartKerberos started.
func (s *Server) Tickets() string { return s.listenerAt("TICKETS") }

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
