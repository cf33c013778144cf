package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// clusterSuite is a gateway over two brokers, in a rack each, that a third node controls.
// Clients reach each by its proxy.
type clusterSuite struct {
	*suite
	brokers map[int32]*Server
	proxies map[int32]*proxy
}

// racks are where the brokers stand.
var racks = map[int32]string{2: "eu-1a", 3: "eu-1b"}

// TestCluster reads topics whose leaders change, from replicas that are near, and from one
// that has lost records.
func TestCluster(t *testing.T) {
	if os.Getenv("FERRIS_TIER") == "short" {
		t.Skip("starts three nodes; the other tiers run it")
	}
	control := start(t, node{id: 1, roles: "controller", cluster: clusterID()})
	s := &clusterSuite{brokers: map[int32]*Server{}, proxies: map[int32]*proxy{}}
	var addrs []string
	for id, rack := range racks {
		l := listener{name: "CLIENTS", protocol: "PLAINTEXT", addr: gateway.FreeAddr()}
		s.proxies[id] = before(t, l.addr)
		l.advertised = s.proxies[id].addr
		s.brokers[id] = start(t, node{id: int(id), roles: "broker", quorum: control.controller, cluster: control.cluster, listeners: []listener{l},
			settings: "broker.rack=" + rack + "\nreplica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector\nreplica.lag.time.max.ms=3000\n"})
		addrs = append(addrs, s.proxies[id].addr)
	}
	slices.Sort(addrs)
	s.suite = begin(t, strings.Join(addrs, ","), t.TempDir())
	t.Run("Racks", s.racks)
	t.Run("Leaders", s.leaders)
	t.Run("LostRecords", s.lost)
}

// replicated makes a topic of one partition, whose first replica leads.
func (s *clusterSuite) replicated(t *testing.T, name string, replicas ...int32) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	topic.ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Partition: 0, Replicas: replicas}}
	for key, value := range map[string]string{"min.insync.replicas": "1", "unclean.leader.election.enable": "true"} {
		topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &value})
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = []kmsg.CreateTopicsRequestTopic{topic}, 30_000
	resp, err := req.RequestWith(t.Context(), s.client)
	if err != nil || len(resp.Topics) != 1 || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("creating topic %s: %+v, %v", name, resp, err)
	}
	s.leads(t, name, replicas[0])
}

// partition is what the brokers say of the topic's only one. One that is being ended or
// started may answer nothing: then no leader is known.
func (s *clusterSuite) partition(t *testing.T, topic string) kadm.PartitionDetail {
	t.Helper()
	all, err := s.admin.ListTopics(t.Context(), topic)
	if err != nil {
		t.Logf("asking for the leader of %s: %v", topic, err)
		return kadm.PartitionDetail{Leader: -1}
	}
	return all[topic].Partitions[0]
}

func (s *clusterSuite) leads(t *testing.T, topic string, id int32) {
	t.Helper()
	until(t, fmt.Sprintf("leader %d of %s", id, topic), func() bool { return s.partition(t, topic).Leader == id })
}

// inSync waits until so many replicas have all that the leader has.
func (s *clusterSuite) inSync(t *testing.T, topic string, n int) {
	t.Helper()
	until(t, fmt.Sprintf("%d replicas of %s in sync", n, topic), func() bool { return len(s.partition(t, topic).ISR) == n })
}

// racks: a reader that says where it stands reads from the broker there, and another from
// the leader.
func (s *clusterSuite) racks(t *testing.T) {
	const n = 4000
	s.replicated(t, "near", 2, 3)
	s.inSync(t, "near", 2)
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: "near", Value: fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", 500))})
	}
	s.record(t, records...)
	for _, c := range []struct {
		rack string
		from int32
	}{{"", 2}, {racks[2], 2}, {racks[3], 3}} {
		name := fmt.Sprintf("near_%d_%d", len(c.rack), c.from)
		before := map[int32]int64{}
		for id, p := range s.proxies {
			before[id] = p.down.Load()
		}
		s.exec(t, fmt.Sprintf("CREATE STREAM %s (n int, pad text) WITH (type = 'kafka', topic = 'near', client.rack = '%s', max.partition.fetch.bytes = '64KB')", name, c.rack))
		s.want(t, "SELECT count(*) || ' ' || count(DISTINCT n) || ' ' || sum(length(pad)) FROM "+name, fmt.Sprintf("[%d %[1]d %d]", n, 500*n))
		// Of the rest the leader sends what says that another replica is nearer.
		for id, p := range s.proxies {
			if got := p.down.Load() - before[id]; (id == c.from) != (got > 500*n) {
				t.Errorf("rack %q: broker %d has sent %d bytes", c.rack, id, got)
			}
		}
	}
}

// leaders: every record of a topic whose leader moves, and is killed, comes once, in order.
func (s *clusterSuite) leaders(t *testing.T) {
	s.replicated(t, "led", 2, 3)
	out := filepath.Join(s.dir, "led.json")
	s.exec(t, fmt.Sprintf(`CREATE STREAM led (n int) WITH (type = 'kafka', topic = 'led');
		START JOB led AS SELECT n FROM led INTO f WITH ('f.type' = 'file', 'f.path' = '%s', 'f.format' = 'json', 'retry_backoff' = '100ms')`, out))
	n := 0
	produce := func() {
		for range 20 {
			s.produceWhenKnown(t, "led", 0, n)
			n++
		}
		until(t, fmt.Sprintf("%d rows", n), func() bool { return lines(t, out) >= n })
	}
	produce()
	for i := range 4 {
		replicas := []int32{3, 2}
		if i%2 == 1 {
			replicas = []int32{2, 3}
		}
		s.inSync(t, "led", 2)
		var req kadm.AlterPartitionAssignmentsReq
		req.Assign("led", 0, replicas)
		altered, err := s.admin.AlterPartitionAssignments(t.Context(), req)
		if err == nil {
			err = altered.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.admin.ElectLeaders(t.Context(), kadm.ElectPreferredReplica, kadm.TopicsSet{"led": {0: {}}}); err != nil {
			t.Fatal(err)
		}
		s.leads(t, "led", replicas[0])
		produce()
	}
	s.brokers[2].Kill()
	s.leads(t, "led", 3)
	produce()
	s.brokers[2].Run(t)
	s.inSync(t, "led", 2)
	produce()
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range n {
		fmt.Fprintf(&want, "{\"n\":%d}\n", i)
	}
	if string(text) != want.String() {
		t.Errorf("of %d records the file has\n%s", n, text)
	}
	s.exec(t, "DROP JOB led")
}

// lost: a replica that was away becomes leader without the records that came meanwhile, which
// were read. That ends a job, and one that may lose data goes on with what comes.
func (s *clusterSuite) lost(t *testing.T) {
	s.replicated(t, "lost", 3, 2)
	s.inSync(t, "lost", 2)
	s.produce(t, "lost", 0, numbers(0, 5)...)
	s.exec(t, `CREATE STREAM lost (n int) WITH (type = 'kafka', topic = 'lost');
		CREATE STREAM losing (n int) WITH (type = 'kafka', topic = 'lost', on_data_loss = 'continue');
		START JOB slept AS SELECT n FROM lost WHERE n >= 0 INTO b0 WITH ('b0.type' = 'blackhole', retry_backoff = '100ms');
		START JOB strict AS SELECT n FROM lost INTO b1 WITH ('b1.type' = 'blackhole', retry_backoff = '100ms');
		START JOB easy AS SELECT n FROM losing INTO b2 WITH ('b2.type' = 'blackhole', retry_backoff = '100ms')`)
	s.brokers[2].Kill()
	s.inSync(t, "lost", 1)
	s.produce(t, "lost", 0, numbers(5, 10)...)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name IN ('strict', 'easy', 'slept')", "[10 10 10]")
	s.exec(t, "STOP JOB slept")
	s.brokers[3].Kill()
	s.brokers[2].Run(t)
	s.leads(t, "lost", 2)
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name = 'strict' AND error LIKE '%the broker lost records: it was read up to offset 10, and the log now ends at 5%'", "[failed]")
	s.brokers[3].Run(t)
	for n := range 10 {
		s.produceWhenKnown(t, "lost", 0, 100+n)
	}
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'easy' AND error IS NULL", "[20]")
	// The log has grown past what a job has read that was stopped meanwhile.
	s.exec(t, "START JOB slept")
	s.eventually(t, "SELECT state FROM ferris.jobs WHERE job_name = 'slept' AND error LIKE '%the broker lost records: it was read up to offset 10, and the log now ends at 5%'", "[failed]")
}
