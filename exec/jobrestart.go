package exec

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// restartPolicy says after which failures a job is started again.
type restartPolicy uint8

const (
	restartOnFailure restartPolicy = iota // those that may pass
	restartAlways                         // every one, for ever where no limit is given
	restartNever
)

// readRestarts reads a job's own limits of restarts.
func (s *jobSettings) readRestarts(o catalog.Options) error {
	if v, ok := o.Get("restart_policy"); ok {
		switch fold(v) {
		case "always":
			s.restart = restartAlways
		case "onfailure":
			s.restart = restartOnFailure
		case "never":
			s.restart = restartNever
		default:
			return badOption("restart_policy", v, "always, on-failure or never")
		}
	}
	if v, ok := o.Get("max_restart_attempts"); ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return badOption("max_restart_attempts", v, "a number of starts")
		}
		s.limited, s.restarts = true, n
	}
	for _, key := range []string{"restart_delay", "restart_delay_ms"} {
		if v, ok := o.Get(key); ok {
			var err error
			if s.delay, err = duration(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// retries says how often a job is started again after a failure, and how long it
// waits before the first time. An outage, and a full disk, pass however long they
// last: while there is no room not even a failure could be recorded. RetryWithBackoff
// has limits of its own; else restart_policy decides, and, where the job gives no
// limits, the engine's options.
func (j *job) retries(err error, settings jobSettings) (limit int, first time.Duration) {
	limit, first = j.e.o.RestartAttempts, j.e.o.RestartDelay
	if settings.limited {
		limit = settings.restarts
	} else if settings.restart == restartAlways {
		limit = math.MaxInt
	}
	if settings.delay > 0 {
		first = settings.delay
	}
	var own retried
	switch {
	case errors.As(err, new(outdated)):
		return math.MaxInt, time.Millisecond
	case settings.restart == restartNever:
		return 0, 0
	case unreachable(err), missing(err), sqlerr.CodeOf(err) == sqlerr.DiskFull:
		return math.MaxInt, settings.backoff
	case errors.As(err, &own):
		return own.limit, own.first
	case settings.strategy == retryWithBackoff:
		return settings.maxRetries, settings.backoff
	case settings.restart == restartOnFailure && permanent(err):
		return 0, 0
	}
	return limit, max(first, time.Millisecond)
}
