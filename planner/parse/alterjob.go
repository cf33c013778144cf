package parse

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// alterJob reads ALTER JOB [IF EXISTS] name SET (options), START FROM a place, RENAME
// TO a name, or SWAP WITH another job.
func (h *head) alterJob() {
	i, j := h.seg.i, h.seg.j
	s := &JobStatement{Action: "ALTER", IfExists: h.are(i+2, "if", "exists")}
	h.whole(s)
	first := i + 2
	if s.IfExists {
		first += 2
	}
	if first >= j {
		h.fail(h.syntaxError(j))
		return
	}
	end := min(h.nameEnd(first), j)
	s.Name = h.name(first, end)
	switch {
	case h.is(end, "set") && h.is(end+1, "(") && end+1 < j:
		last := h.closing(end+1, j)
		if last >= j {
			h.fail(h.syntaxError(j))
			return
		}
		h.seg.stmt.With = append(h.seg.stmt.With, h.pairs(end+2, last)...)
		end = last + 1
	case h.are(end, "start", "from") && end+1 < j:
		s.From = &JobFrom{}
		end = h.jobFrom(s.From, end+2, j)
	case (h.are(end, "rename", "to") || h.are(end, "swap", "with")) && end+2 < j:
		last := min(h.nameEnd(end+2), j)
		n := h.name(end+2, last)
		if h.is(end, "swap") {
			s.Swap = &n
		} else {
			s.Rename = &n
		}
		end = last
	}
	if end < j || s.From == nil && s.Rename == nil && s.Swap == nil && len(h.seg.stmt.With) == 0 {
		h.fail(h.alterJobError(end))
	}
}

// alterJobError is a syntax error at token i of ALTER JOB, with how the option there is
// written.
func (h *head) alterJobError(i int) *sqlerr.Error {
	err := h.syntaxError(i)
	const written = "Write options in parentheses: ALTER JOB name SET (parallelism = 4)."
	switch {
	case i >= h.seg.j:
	case h.is(i, "set"):
		err = err.WithHint(written)
	case h.is(i, "reset"):
		err = err.WithHint("Set the option to what it is without: ALTER JOB name SET (parallelism = 1).")
	}
	return err
}

// stateFile reads EXPORT STATE OF name TO 'file' and IMPORT STATE OF name FROM 'file'.
func (h *head) stateFile() {
	i, j := h.seg.i, h.seg.j
	s := &StateFile{Import: h.is(i, "import")}
	h.whole(s)
	first, word := i+3, "to"
	if s.Import {
		word = "from"
	}
	if first >= j {
		h.fail(h.syntaxError(j))
		return
	}
	end := min(h.nameEnd(first), j)
	s.Name = h.name(first, end)
	if end >= j || !h.is(end, word) {
		h.fail(h.syntaxError(end))
		return
	}
	if end+1 >= j {
		h.fail(h.syntaxError(j))
		return
	}
	list := h.exprs(end+1, j)
	if len(list) != 1 || list[0].GetAConst().GetSval() == nil {
		h.fail(h.syntaxError(end + 1))
		return
	}
	s.Path = list[0].GetAConst().GetSval().Sval
}

// jobPlaces is the hint of who starts a job from another place.
const jobPlaces = "START FROM takes EARLIEST, LATEST, TIMESTAMP 'time' or OFFSETS '{\"stream\": {\"partition\": offset}}'."

// jobFrom reads where a job starts, and returns the token behind it.
func (h *head) jobFrom(f *JobFrom, i, j int) int {
	switch {
	case i >= j:
		h.fail(h.syntaxError(j).WithHint(jobPlaces))
		return j
	case h.is(i, "earliest"):
		f.Kind = "EARLIEST"
		return i + 1
	case h.is(i, "latest"):
		f.Kind = "LATEST"
		return i + 1
	case h.is(i, "timestamp"):
		f.Kind = "TIMESTAMP"
	case h.is(i, "offsets"):
		f.Kind = "OFFSETS"
	default:
		h.fail(h.syntaxError(i).WithHint(jobPlaces))
		return j
	}
	if i+1 >= j {
		h.fail(h.syntaxError(j).WithHint(jobPlaces))
		return j
	}
	list := h.exprs(i+1, j)
	if len(list) != 1 || list[0].GetAConst().GetSval() == nil {
		h.fail(h.syntaxError(i + 1).WithHint(jobPlaces))
		return j
	}
	f.Text, f.Pos = list[0].GetAConst().GetSval().Sval, h.src.Char(h.start(i+1))
	return j
}
