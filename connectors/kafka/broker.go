package kafka

import (
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kfake"
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
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.AllowAutoTopicCreation(),
		kfake.DefaultNumPartitions(o.Partitions),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return l, nil }),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("starting the development broker: %w", err)
	}
	return &Broker{cluster: cluster}, nil
}

// Addr is where clients connect.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Close ends the broker and waits for its goroutines.
func (b *Broker) Close() { b.cluster.Close() }
