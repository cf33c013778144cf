package exec

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// defaultSinkBuffer is what waits for a sink whose rows are staged, where the job does
// not say.
const defaultSinkBuffer = 64 << 20

// readStaging reads what a job does while a sink does not take its rows.
func (s *jobSettings) readStaging(o catalog.Options) error {
	s.sinkBuffer = defaultSinkBuffer
	if v, ok := o.Get("sink.buffer"); ok {
		n, ok := stream.ParseSize(v)
		if !ok || n < 1 {
			return badOption("sink.buffer", v, "a size such as 64MB, or a number of bytes")
		}
		s.sinkBuffer, s.staged = n, true
	}
	v, ok := o.Get("on_sink_full")
	if !ok {
		return nil
	}
	switch fold(v) {
	case "stall":
	case "drop":
		s.sinkDrops = true
	default:
		return badOption("on_sink_full", v, "stall or drop")
	}
	switch {
	case s.sinkDrops && s.transactions:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "on_sink_full = 'drop' cannot be set with use_transactions").
			WithHint("Rows that are dropped are not there once: leave one of them out, or write transactions = 'best_effort'.")
	case s.sinkDrops && !s.staged:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "on_sink_full = 'drop' needs sink.buffer").
			WithHint("sink.buffer says how much waits for a sink before rows are dropped.")
	}
	return nil
}

// clusters keeps the sinks of one connector apart by the system that they are in.
func clusterOf(env *stream.Env, c stream.Transactional, r *catalog.Relation) (string, error) {
	if own, ok := c.(stream.Clustered); ok {
		return own.Cluster(env, r)
	}
	return "", nil
}

// checkStaging refuses sink.buffer for a job that has no sink whose rows can be staged.
func (e *Engine) checkStaging(job string, sinks []*catalog.Relation, settings jobSettings) error {
	if !settings.staged {
		return nil
	}
	other := ""
	for _, r := range sinks {
		if r.Stored() {
			other = "table"
			continue
		}
		c, err := e.connector(r)
		if err != nil {
			return err
		}
		if _, ok := c.(stream.Transactional); ok {
			return nil
		}
		other = r.Connector
	}
	return sqlerr.Unsupported("Leave it out: the job waits for the sink.", "sink.buffer of job %q is not supported with a %s sink", job, other)
}
