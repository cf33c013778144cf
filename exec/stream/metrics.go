package stream

import "sync/atomic"

// Metrics are plain counters that connectors keep and gateway/rest exposes.
type Metrics struct {
	RecordsRead    atomic.Int64
	BytesRead      atomic.Int64
	RecordsWritten atomic.Int64
	BytesWritten   atomic.Int64
	Rejects        atomic.Int64
}
