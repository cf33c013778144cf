package stream

import "sync/atomic"

// Metrics are plain counters that connectors keep and gateway/rest exposes.
type Metrics struct {
	RecordsRead    atomic.Int64
	BytesRead      atomic.Int64
	RecordsWritten atomic.Int64
	BytesWritten   atomic.Int64
	Rejects        atomic.Int64
	// Of joins that ask for rows by key:
	LookupHits     atomic.Int64 // keys whose rows were at hand
	LookupMisses   atomic.Int64 // keys that were asked for
	LookupRequests atomic.Int64
	LookupFailures atomic.Int64 // requests that failed; some were made again
}
