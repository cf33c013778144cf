package kafka

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BrokerOptions say how the development broker runs.
type BrokerOptions struct {
	Addr       string // host:port; port 0 takes a free one
	DataDir    string // where topics are kept; "": in memory
	Partitions int    // of topics that are made on first use; 0: 3
}

// Broker is the embedded, Kafka-compatible development broker: one node,
// topics made on first use. It is for trying things and for tests.
type Broker struct {
	cluster *kfake.Cluster
	running string // a file that is there while the broker is; "": it keeps nothing
	unlock  func() error
}

// StartBroker runs a broker until Close.
func StartBroker(o BrokerOptions) (*Broker, error) {
	if o.Partitions == 0 {
		o.Partitions = 3
	}
	// Listening first makes an address in use an error that names it.
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	b := &Broker{unlock: func() error { return nil }}
	if o.DataDir != "" {
		b.running = filepath.Join(o.DataDir, "running")
		err = b.begin(o)
	}
	if err == nil {
		b.cluster, err = o.cluster(l)
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("starting the development broker: %w", errors.Join(err, b.unlock()))
	}
	if o.DataDir != "" {
		b.keepTopics()
	}
	return b, nil
}

// cluster starts the cluster itself, which closes the listener with it.
func (o BrokerOptions) cluster(l net.Listener) (*kfake.Cluster, error) {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.AllowAutoTopicCreation(),
		kfake.DefaultNumPartitions(o.Partitions),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return l, nil }),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	return kfake.NewCluster(opts...)
}

// keepTopics has topics that are made on first use survive a kill. The cluster
// writes down only those which are created, so they are: before it answers the
// request for metadata that would make them, and has not to any more.
//
// A control remembers every connection that it has seen, and so is replaced now
// and then.
func (b *Broker) keepTopics() {
	seen := 0
	b.cluster.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		m := r.(*kmsg.MetadataRequest)
		for _, t := range m.Topics {
			if m.AllowAutoTopicCreation && t.Topic != nil && t.TopicID == [16]byte{} {
				// One that exists already, or may not have its name, is the answer's
				// to tell of.
				_ = b.cluster.CreateTopic(*t.Topic, 0, nil)
			}
		}
		m.AllowAutoTopicCreation = false
		if seen++; seen == keptConnections {
			b.cluster.DropControl()
			b.keepTopics()
		}
		return nil, nil, false
	})
}

// keptConnections is how many requests a control sees before it is replaced.
const keptConnections = 10_000

// Addr is where clients connect.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Close ends the broker and waits for its goroutines.
func (b *Broker) Close() {
	b.cluster.Close()
	if b.running != "" {
		_ = os.Remove(b.running) // where it stays the next start looks once more
	}
	_ = b.unlock() // closing a file that was only locked
}
