package rest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
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
		{desc("ferris_job_checkpoint_seconds", "How long rows waited while a job's last epoch was stored."), prometheus.GaugeValue, func(j pgcatalog.JobStatus) float64 { return j.Checkpoint.Seconds() }},
		{desc("ferris_job_rows_rejected_total", "Rows that a job has rejected."), prometheus.CounterValue, func(j pgcatalog.JobStatus) float64 { return float64(j.Rejected) }},
	}
}
