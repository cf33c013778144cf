package stream

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Looker is a connector whose relations can be asked for the rows of some keys. A
// stream that is joined with one meets what it holds when the stream's row comes; it
// need not be a Source that can be read whole.
type Looker interface {
	// Looks reports whether a relation can be asked by these of its columns, all of
	// them; none: by some of its columns.
	Looks(rel *catalog.Relation, keys []int) bool
	// Lookup opens a relation.
	Lookup(ctx context.Context, env *Env, rel *catalog.Relation, s LookupScan) (Lookup, error)
}

// LookupScan says what a Lookup is asked for.
type LookupScan struct {
	// Keys are the columns of the relation whose values are given, Columns those of the
	// rows that are found (catalog.Relation.AllColumns, both).
	Keys, Columns []int
	// Filters, over the rows found, may be used to leave out what cannot match; the
	// engine filters again.
	Filters []plan.Expr
}

// Lookup finds rows by their keys. Several goroutines may call Find at a time, as many
// as the relation's lookup.concurrency says.
type Lookup interface {
	// Find asks for the n keys, whose columns are LookupScan.Keys, at most
	// lookup.batch.size of them, distinct and none of them NULL. It calls found with
	// rows, which found does not keep, and for each physical row the place of its key in
	// keys; as often as it likes, also never. A key that the relation cannot be asked for
	// is returned as a fault. err: nothing of the call counts; it is made again where
	// that may help.
	Find(ctx context.Context, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) (faults []LookupFault, err error)
	// Close may be called twice, and when no Find runs.
	Close() error
}

// LookupFault is a key that a relation cannot be asked for. It is a fault of the rows
// that have it.
type LookupFault struct {
	Key int // its place in keys
	Err error
}

// LookupOptions are options of the relations of a Looker, beside its own: it lists
// them, and the engine reads them.
var LookupOptions = []Option{
	{Key: "lookup.batch.size", Default: "100", Help: "the most keys of one request"},
	{Key: "lookup.concurrency", Default: "4", Help: "the most requests that are under way at a time"},
	{Key: "lookup.timeout", Default: "10s", Help: "how long a request may take; 0: as long as it does"},
	{Key: "lookup.max_retries", Default: "3", Help: "how often a request that fails is made again"},
	{Key: "lookup.retry_backoff", Default: "100ms", Help: "the wait before it is made again the first time, twice as long each time"},
	{Key: "lookup.cache.size", Default: "16MB", Help: "what is kept of answers, in each task; the rows that were asked for longest ago go first. 0: nothing is kept"},
	{Key: "lookup.cache.ttl", Default: "1 minute", Help: "how long an answer is kept; 0: not at all"},
	{Key: "lookup.cache.negative_ttl", Default: "10s", Help: "how long it is kept that a key has no row; 0: not at all"},
}

// LookupSettings are the values of LookupOptions.
type LookupSettings struct {
	Batch, Concurrency int
	Timeout            time.Duration // of a request; 0: none
	Retries            int
	Backoff            time.Duration
	CacheSize          int64 // bytes; 0: there is no cache
	TTL, NegativeTTL   time.Duration
}

// ReadLookup reads a relation's LookupOptions; known are the options of its connector,
// these among them.
func ReadLookup(rel *catalog.Relation, known []Option) (LookupSettings, error) {
	v, err := ReadOptions(rel, RoleSource, known)
	if err != nil {
		return LookupSettings{}, err
	}
	s := LookupSettings{
		Batch:       int(v.Int("lookup.batch.size", 1, vec.MaxRows)),
		Concurrency: int(v.Int("lookup.concurrency", 1, 256)),
		Timeout:     v.Duration("lookup.timeout"),
		Retries:     int(v.Int("lookup.max_retries", 0, 1000)),
		Backoff:     v.Duration("lookup.retry_backoff"),
		CacheSize:   v.Size("lookup.cache.size", 0, 1<<40),
		TTL:         v.Duration("lookup.cache.ttl"),
		NegativeTTL: v.Duration("lookup.cache.negative_ttl"),
	}
	return s, v.Err()
}
