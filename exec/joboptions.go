package exec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// strategy is what a job does about a record that fails.
type strategy uint8

const (
	logAndContinue strategy = iota
	failBatch
	retryWithBackoff
	deadLetter
)

// jobSettings are a job's own options.
type jobSettings struct {
	strategy strategy
	chosen   bool // the job says what strategy
	// transactions: each row reaches each sink exactly once, or the job fails.
	transactions bool
	checkpoint   time.Duration
	maxRetries   int
	backoff      time.Duration
	// restart says after which failures the job is started again, at most
	// restarts times where it is limited, first after delay (0: as the engine's
	// options say).
	restart  restartPolicy
	limited  bool
	restarts int
	delay    time.Duration
	late     plan.LatePolicy
	allowed  time.Duration // of plan.LateUpdate: how long a window takes rows after it has gone out
	letters  string        // where dead letters go; "": beside each stream
	batch    int           // most rows that operators get at once; 0: as many as are read
	// memory is what rows on their way should not take more of, in bytes; 0: the
	// job does not say.
	memory int64
	// parallelism is the number of tasks.
	parallelism int
	// stateMemory is what the job's operators should hold of their state in memory,
	// in bytes; below 0: the job does not say.
	stateMemory int64
	// partial: of several tasks each aggregates its own rows before those of a group
	// meet.
	partial bool
	// sinkBuffer is how many bytes wait for a sink that does not take them, where the
	// job says so or they must; sinkDrops: then rows are dropped. staged: the job says.
	sinkBuffer        int64
	sinkDrops, staged bool
	// stop is how long another system may take to answer a job that is to end.
	stop time.Duration
	// ttl is how long groups are kept that no row touches; 0: for ever.
	ttl time.Duration
}

// maxParallelism is the most tasks that a job may have.
const maxParallelism = 128

// jobOptions reads a job's WITH keys that the engine knows.
func jobOptions(o catalog.Options, checkpoint time.Duration) (jobSettings, error) {
	s := jobSettings{checkpoint: checkpoint, maxRetries: 3, backoff: time.Second, parallelism: 1, partial: true, stateMemory: -1, stop: stopTimeout}
	if err := refused(o); err != nil {
		return s, err
	}
	if v, ok := o.Get("use_transactions"); ok {
		effort, _ := o.Get("transactions")
		switch fold(v) {
		case "true":
			s.strategy, s.transactions = failBatch, fold(effort) != "besteffort"
		case "false":
		default:
			return s, badOption("use_transactions", v, "true or false")
		}
	}
	if own, ok, err := strategyOf(o); err != nil {
		return s, err
	} else if ok {
		s.strategy, s.chosen = own, true
	}
	var err error
	if s.maxRetries, err = retriesOf(o, s.maxRetries); err != nil {
		return s, err
	}
	if s.batch, err = batchSize(o); err != nil {
		return s, err
	}
	if v, ok := o.Get("batch.memory_limit_mb"); ok {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 1 {
			return s, badOption("batch.memory_limit_mb", v, "a number of megabytes, at least 1")
		}
		s.memory = n << 20
	}
	if v, ok := o.Get("state.memory_limit_mb"); ok {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return s, badOption("state.memory_limit_mb", v, "a number of megabytes; 0 keeps in memory what cannot be left in the store")
		}
		s.stateMemory = n << 20
	}
	if v, ok := o.Get("parallelism"); ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxParallelism {
			return s, badOption("parallelism", v, fmt.Sprintf("a number of tasks from 1 to %d", maxParallelism))
		}
		s.parallelism = n
	}
	if v, ok := o.Get("aggregate.phases"); ok {
		if v != "1" && v != "2" {
			return s, badOption("aggregate.phases", v, "1 or 2")
		}
		s.partial = v == "2"
	}
	if v, ok := o.Get("state.ttl"); ok {
		if s.ttl, err = duration("state.ttl", v); err != nil {
			return s, err
		}
	}
	if err := s.readStaging(o); err != nil {
		return s, err
	}
	if v, ok := o.Get("retry_backoff"); ok {
		if s.backoff, err = duration("retry_backoff", v); err != nil {
			return s, err
		}
	}
	if v, ok := o.Get("stop_timeout"); ok {
		if s.stop, err = duration("stop_timeout", v); err != nil {
			return s, err
		}
	}
	if s.letters, err = lettersOf(o); err != nil {
		return s, err
	}
	if err := s.readRestarts(o); err != nil {
		return s, err
	}
	if err := s.readLateness(o); err != nil {
		return s, err
	}
	if v, ok := o.Get("checkpoint.interval"); ok {
		if s.checkpoint, err = duration("checkpoint.interval", v); err != nil {
			return s, err
		}
		if s.checkpoint < time.Millisecond {
			return s, badOption("checkpoint.interval", v, "at least 1ms")
		}
	}
	return s, nil
}

// of are the settings of a job with a plan: one that keeps a materialized view leaves
// out rows that fail only where it says so, as the view would be wrong without a word.
func (s jobSettings) of(p *plan.StartJob) jobSettings {
	if p.View && !s.chosen {
		s.strategy = failBatch
	}
	return s
}

// retriesOf reads max_retries, of a job or of one of its streams and sinks.
func retriesOf(o catalog.Options, other int) (int, error) {
	v, ok := o.Get("max_retries")
	if !ok {
		return other, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, badOption("max_retries", v, "a number of tries")
	}
	return n, nil
}

// strategyOf reads failure_strategy, of a job or of a stream; false: it is not
// there.
func strategyOf(o catalog.Options) (s strategy, ok bool, err error) {
	v, ok := o.Get("failure_strategy")
	if !ok {
		return 0, false, nil
	}
	switch fold(v) {
	case "logandcontinue":
		return logAndContinue, true, nil
	case "failbatch":
		return failBatch, true, nil
	case "retrywithbackoff":
		return retryWithBackoff, true, nil
	case "deadletter":
		return deadLetter, true, nil
	}
	return 0, true, badOption("failure_strategy", v, "LogAndContinue, FailBatch, RetryWithBackoff or DeadLetter")
}

// batchSize reads how many records may be passed on at once; 0: as many as come.
func batchSize(o catalog.Options) (int, error) {
	v, ok := o.Get("batch.size", "max_batch_size", "batch.max_size")
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, badOption("batch.size", v, "a number of records, at least 1")
	}
	return n, nil
}

// sinkBatch is a sink's own batch size, but where its connector gives the key a
// meaning of its own, as Kafka's producer does.
func (e *Engine) sinkBatch(r *catalog.Relation) (int, error) {
	c, err := e.connector(r)
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(c.Options(stream.RoleSink), func(o stream.Option) bool { return o.Key == "batch.size" }) {
		return 0, nil
	}
	return batchSize(r.Options)
}

// refused is 0A000 for options whose promise the engine does not keep yet: what
// they ask for would silently not be so.
func refused(o catalog.Options) error {
	for _, c := range []struct{ key, fine, hint string }{
		{"fallback", "none", "Leave it out: a job whose sinks fail keeps its place and stops."},
		{"on_data_loss", "fail", "Leave it out: offsets lost to retention fail the job."},
	} {
		v, ok := o.Get(c.key)
		if !ok || fold(v) == c.fine {
			continue
		}
		return sqlerr.Unsupported(c.hint, "%s = '%s' is not supported", c.key, v)
	}
	return nil
}

// readKeys are the options that a job reads, or refuses but for what they do
// anyway.
var readKeys = []string{"use_transactions", "transactions", "failure_strategy", "max_retries", "retry_backoff", "stop_timeout", "checkpoint.interval",
	"dead_letter", "late_policy", "allowed_lateness", "restart_policy", "max_restart_attempts", "restart_delay", "restart_delay_ms",
	"batch.size", "max_batch_size", "batch.max_size", "batch.memory_limit_mb", "parallelism", "aggregate.phases", "state.ttl", "state.memory_limit_mb", "sink.buffer", "on_sink_full", "fallback", "on_data_loss"}

// idleOptions is a notice for each option that changes nothing.
func idleOptions(job string, o catalog.Options) []*sqlerr.Error {
	var notices []*sqlerr.Error
	for _, p := range o {
		if slices.Contains(readKeys, p.Key) {
			continue
		}
		n := sqlerr.Errorf(sqlerr.SuccessfulCompletion, "parameter %q of job %q has no effect", p.Key, job)
		n.Severity = "NOTICE"
		notices = append(notices, n)
	}
	return notices
}

func badOption(key, value, want string) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q: %q", key, value).
		WithHint("%s takes %s.", key, want)
}

// duration reads 10ms, 5s, 2 minutes, or a bare number of milliseconds.
func duration(key, v string) (time.Duration, error) {
	text := strings.ToLower(strings.ReplaceAll(v, " ", ""))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return time.Duration(n) * time.Millisecond, nil
	}
	for _, u := range []struct{ long, short string }{
		{"milliseconds", "ms"}, {"millisecond", "ms"}, {"seconds", "s"}, {"second", "s"},
		{"minutes", "m"}, {"minute", "m"}, {"hours", "h"}, {"hour", "h"},
	} {
		if n, ok := strings.CutSuffix(text, u.long); ok {
			text = n + u.short
			break
		}
	}
	for _, day := range []string{"days", "day", "d"} {
		if n, ok := strings.CutSuffix(text, day); ok {
			if days, err := strconv.ParseInt(n, 10, 16); err == nil && days >= 0 {
				return time.Duration(days) * 24 * time.Hour, nil
			}
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, badOption(key, v, "a duration such as 500ms, 5s or 2 minutes")
	}
	return d, nil
}
