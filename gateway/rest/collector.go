package rest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// metric is a number without labels.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func() float64
}

// collector reads the counters when it is asked.
type collector struct {
	options Options
	build   *prometheus.Desc
	plain   []metric
	jobs    []jobMetric
	states  *prometheus.Desc
}

func counter(name, help string, value func() int64) metric {
	return metric{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, func() float64 { return float64(value()) }}
}

func gauge(name, help string, value func() int64) metric {
	return metric{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, func() float64 { return float64(value()) }}
}

func newCollector(o Options) *collector {
	c := &collector{
		options: o,
		build:   prometheus.NewDesc("ferris_build_info", "The version that runs; always 1.", []string{"version"}, nil),
	}
	if o.Gateway != nil {
		n := o.Gateway.Counters()
		c.plain = append(c.plain,
			counter("ferris_connections_total", "Connections accepted.", n.Accepted.Load),
			counter("ferris_authentication_failures_total", "Clients that could not prove who they are.", n.AuthFailures.Load),
			counter("ferris_connections_refused_total", "Connections refused for want of room.", n.Refused.Load),
			gauge("ferris_sessions", "Sessions.", n.Sessions.Load),
			gauge("ferris_sessions_active", "Sessions that run a statement.", n.Active.Load),
			counter("ferris_statements_total", "Statements run.", n.Queries.Load),
			counter("ferris_errors_total", "Errors sent to clients.", n.Errors.Load),
			counter("ferris_cancel_requests_total", "Cancel requests that named a session.", n.Cancels.Load),
			counter("ferris_rows_sent_total", "Rows sent to clients.", n.Rows.Load),
			counter("ferris_sent_bytes_total", "Bytes sent to clients.", n.BytesSent.Load),
			counter("ferris_panics_total", "Panics caught in sessions.", n.Panics.Load),
		)
	}
	if o.Engine != nil {
		m := o.Engine.Metrics()
		c.plain = append(c.plain,
			counter("ferris_source_records_total", "Records read from sources.", m.RecordsRead.Load),
			counter("ferris_source_bytes_total", "Bytes read from sources.", m.BytesRead.Load),
			counter("ferris_sink_records_total", "Records written to sinks.", m.RecordsWritten.Load),
			counter("ferris_sink_bytes_total", "Bytes written to sinks.", m.BytesWritten.Load),
			counter("ferris_lookup_cache_hits_total", "Keys of look-up joins whose rows were kept from an earlier request.", m.LookupHits.Load),
			counter("ferris_lookup_cache_misses_total", "Keys of look-up joins that were asked for.", m.LookupMisses.Load),
			counter("ferris_lookup_requests_total", "Requests of look-up joins.", m.LookupRequests.Load),
			counter("ferris_lookup_failures_total", "Requests of look-up joins that failed.", m.LookupFailures.Load),
			counter("ferris_rejected_records_total", "Records that could not be read or written.", m.Rejects.Load),
		)
	}
	if o.Jobs != nil {
		c.jobs = jobMetrics()
		c.states = prometheus.NewDesc("ferris_job_state", "1 for the state that a job is in.", []string{"job", "state"}, nil)
	}
	return c
}

// Describe is prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.build
	for _, m := range c.plain {
		out <- m.desc
	}
	for _, m := range c.jobs {
		out <- m.desc
	}
	if c.states != nil {
		out <- c.states
		out <- watermarkMetric
		out <- lagMetric
	}
}

// Collect is prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(c.build, prometheus.GaugeValue, 1, c.options.Version)
	for _, m := range c.plain {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value())
	}
	if c.options.Jobs == nil {
		return
	}
	collectWatermarks(c.options.Jobs.Watermarks(), out)
	collectLags(c.options.Jobs.Splits(), out)
	for _, job := range c.options.Jobs.Jobs() {
		for _, m := range c.jobs {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(job), job.Name)
		}
		for _, state := range []catalog.JobState{catalog.JobRunning, catalog.JobPaused, catalog.JobStopped, catalog.JobFinished, catalog.JobFailed} {
			in := 0.0
			if job.State == state {
				in = 1
			}
			out <- prometheus.MustNewConstMetric(c.states, prometheus.GaugeValue, in, job.Name, string(state))
		}
	}
}
