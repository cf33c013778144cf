package gateway

import "sync/atomic"

// Counters are plain counts that the sessions keep and gateway/rest exposes.
type Counters struct {
	Accepted     atomic.Int64 // connections
	Refused      atomic.Int64 // connections closed for want of room
	AuthFailures atomic.Int64 // clients that could not prove who they are
	Sessions     atomic.Int64 // now past startup
	Active       atomic.Int64 // sessions running a statement now
	Queries      atomic.Int64 // statements run
	Errors       atomic.Int64 // ErrorResponses sent
	Cancels      atomic.Int64 // CancelRequests that named a session
	Rows         atomic.Int64 // DataRows sent
	BytesSent    atomic.Int64
	Panics       atomic.Int64
}
