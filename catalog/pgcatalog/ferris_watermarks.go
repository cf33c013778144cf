package pgcatalog

// ferrisWatermarks has how far the event time of each job's streams has come, in
// its last epoch: of each split, and, without a split, as it was passed on; which of them are idle now; and the job's rows that came
// too late.
func ferrisWatermarks(c *Context, t *table) {
	p := jobs(c)
	if p == nil {
		return
	}
	for _, w := range p.Watermarks() {
		t.row().
			str("job_name", w.Job).
			str("stream_name", w.Stream).
			text("split", w.Split).
			num("watermark", w.Micros).
			bool("idle", w.Idle).
			num("late", w.Late).
			emit()
	}
}
