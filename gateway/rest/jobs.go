package rest

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// jobMetric is a number of every job.
type jobMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(pgcatalog.JobStatus) float64
}

func jobMetrics() []jobMetric {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"job"}, nil)
	}
	return []jobMetric{
		{desc("ferris_job_epoch", "The last epoch of a job."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 { return float64(j.Epoch) }},
		{desc("ferris_job_impeded", "1 while a running job is held up by an error that it waits to pass."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 {
			if j.Impeded {
				return 1
			}
			return 0
		}},
		{desc("ferris_job_restarts_total", "Restarts of a job after a failure."), prometheus.CounterValue, func(j pgcatalog.JobStatus) float64 { return float64(j.Restarts) }},
		{desc("ferris_job_rows_read_total", "Rows that a job has read."), prometheus.CounterValue, func(j pgcatalog.JobStatus) float64 { return float64(j.RowsIn) }},
		{desc("ferris_job_rows_written_total", "Rows that a job has written."), prometheus.CounterValue, func(j pgcatalog.JobStatus) float64 { return float64(j.RowsOut) }},
		{desc("ferris_job_state_bytes", "Bytes of its state that a job's operators hold in memory."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 { return float64(j.StateBytes) }},
		{desc("ferris_job_state_evicted_groups", "Groups that a job's operators have left in the store."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 { return float64(j.StateEvicted) }},
		{desc("ferris_job_checkpoint_seconds", "How long a job's last epoch took from its end until it was committed."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 { return j.Checkpoint.Seconds() }},
		{desc("ferris_job_stall_seconds", "For how much of that rows were not read on."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 { return j.Stall.Seconds() }},
		{desc("ferris_job_rows_rejected_total", "Rows that a job has rejected."), prometheus.CounterValue, func(j pgcatalog.JobStatus) float64 { return float64(j.Rejected) }},
		{desc("ferris_job_rows_late_total", "Rows that came to a job after their window was closed, or dated too far ahead of the clock."), prometheus.CounterValue, func(j pgcatalog.JobStatus) float64 { return float64(j.Late) }},
	}
}

// watermarkMetric tells how far the event time of each job's streams has come.
var watermarkMetric = prometheus.NewDesc("ferris_job_watermark_seconds",
	"How far the event time of a job's stream has come, in seconds since 1970; +Inf where the stream has ended.", []string{"job", "stream"}, nil)

// collectWatermarks gives, of a stream that a job reads several times, the least.
func collectWatermarks(all []pgcatalog.WatermarkStatus, out chan<- prometheus.Metric) {
	type label struct{ job, stream string }
	least := map[label]int64{}
	for _, w := range all {
		if w.Split != "" {
			continue
		}
		at := label{w.Job, w.Stream}
		if was, ok := least[at]; !ok || w.Micros < was {
			least[at] = w.Micros
		}
	}
	for at, micros := range least {
		seconds := math.Inf(1)
		if micros != math.MaxInt64 {
			seconds = float64(micros-types.UnixEpoch) / 1e6
		}
		out <- prometheus.MustNewConstMetric(watermarkMetric, prometheus.GaugeValue, seconds, at.job, at.stream)
	}
}

// lagMetric tells how far behind the ends of its streams a job's last epoch is.
var lagMetric = prometheus.NewDesc("ferris_job_lag",
	"What a job has not read of a stream, as the stream counts: records of a topic, bytes of files.", []string{"job", "stream"}, nil)

// collectLags gives, of each stream whose end is known, the sum of its splits.
func collectLags(all []pgcatalog.SplitStatus, out chan<- prometheus.Metric) {
	type label struct{ job, stream string }
	sums := map[label]int64{}
	for _, s := range all {
		if s.Lag != nil {
			sums[label{s.Job, s.Stream}] += *s.Lag
		}
	}
	for at, n := range sums {
		out <- prometheus.MustNewConstMetric(lagMetric, prometheus.GaugeValue, float64(n), at.job, at.stream)
	}
}
