package kafka

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// stuckAfter is how long records may be under way before a sink says that they
// do not get through.
const stuckAfter = 2 * time.Second

// flow hears from a client whether its records get through.
type flow struct {
	moved   atomic.Int64          // when a broker last took records, or the first of those under way was handed over; Unix nanoseconds
	over    atomic.Bool           // nobody waits any more
	refused atomic.Pointer[error] // of the last attempt to connect; nil: it worked
	lost    atomic.Int64          // when a connection was last lost; Unix nanoseconds
}

// begin notes that the first record of a run is handed over.
func (f *flow) begin() { f.moved.Store(time.Now().UnixNano()) }

// OnProduceBatchWritten is kgo.HookProduceBatchWritten.
func (f *flow) OnProduceBatchWritten(kgo.BrokerMetadata, string, int32, kgo.ProduceBatchMetrics) {
	f.begin()
}

// OnBrokerConnect is kgo.HookBrokerConnect.
func (f *flow) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err == nil {
		f.refused.Store(nil)
		return
	}
	f.refused.Store(&err)
}

// OnBrokerDisconnect is kgo.HookBrokerDisconnect.
func (f *flow) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { f.lost.Store(time.Now().UnixNano()) }

// lostSince reports whether a connection was lost after a time.
func (f *flow) lostSince(t time.Time) bool { return f.lost.Load() > t.UnixNano() }

// Impediment is stream.Impeded's.
func (s *sink) Impediment() error {
	if s.flow.over.Load() || s.client.BufferedProduceRecords() == 0 {
		return nil
	}
	stuck := time.Since(time.Unix(0, s.flow.moved.Load()))
	if stuck < stuckAfter+s.config.linger {
		return nil
	}
	stuck = stuck.Truncate(time.Second)
	if err := s.flow.refused.Load(); err != nil {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "no broker of Kafka at %q has taken records for topic %q for %v: %w", s.config.server(), s.config.topic, stuck, *err)
	}
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "no broker of Kafka at %q has taken records for topic %q for %v", s.config.server(), s.config.topic, stuck)
}
