package exec

import (
	"math"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestJobRestarts: a job without a strategy of its own is started again as often
// as the engine's options say, but for a failure that would only come again.
func TestJobRestarts(t *testing.T) {
	f := newFixture(t)
	f.o.RestartAttempts, f.o.RestartDelay = 2, time.Millisecond
	in := f.stream("in")
	f.topics.topic("in").addRows(0, 1, 50)
	f.topics.topic("in").end()
	for _, step := range []string{"open", "write", "prepare", "commit"} {
		f.topics.file(step).failing(step, 2)
		f.exec(f.copyJob("j"+step, in, []string{step}))
		f.waitState("j"+step, catalog.JobFinished)
		equal(t, step, f.topics.file(step).read(), lines(1, 50))
	}
	f.topics.file("y").failing("open", 3)
	f.exec(f.copyJob("y", in, []string{"y"}))
	f.waitState("y", catalog.JobFailed)
	if n := f.topics.file("y").fail["open"]; n != 0 {
		t.Errorf("%d openings were left to fail, want 0: one start and two more", n)
	}

	f.topics.topic("in").bad[6] = true
	f.exec(f.copyJob("bad", in, []string{"z"}, catalog.Option{Key: "failure_strategy", Value: "FailBatch"}))
	f.waitState("bad", catalog.JobFailed)
	if n := len(f.topics.file("z").opens()); n != 1 {
		t.Errorf("a job with a bad record was started %d times, want once", n)
	}
}

func TestRetryDelays(t *testing.T) {
	j := &job{e: &Engine{o: Options{RestartAttempts: 3, RestartDelay: 5 * time.Second}}}
	own := jobSettings{strategy: retryWithBackoff, maxRetries: 7, backoff: time.Millisecond}
	plain := jobSettings{maxRetries: 7, backoff: time.Millisecond}
	for _, c := range []struct {
		code     sqlerr.Code
		settings jobSettings
		limit    int
		first    time.Duration
	}{
		{sqlerr.OutOfMemory, plain, 3, 5 * time.Second},
		{sqlerr.OutOfMemory, own, 7, time.Millisecond},
		{sqlerr.DiskFull, plain, math.MaxInt, time.Millisecond},
		{sqlerr.InvalidTextRepresentation, plain, 0, 0},
		{sqlerr.FeatureNotSupported, plain, 0, 0},
		{sqlerr.InsufficientPrivilege, plain, 0, 0},
		{sqlerr.InternalError, plain, 3, 5 * time.Second},
	} {
		if limit, first := j.retries(sqlerr.Errorf(c.code, "x"), c.settings); limit != c.limit || first != c.first {
			t.Errorf("%s: %d times after %v, want %d after %v", c.code, limit, first, c.limit, c.first)
		}
	}
}
