package pipelines

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Rows that are late are told by their order where each is read by itself, and its
// watermark comes before the next one.

// arrived are the rows of e with the watermark before each.
var arrived = fmt.Sprintf("(SELECT e.*, max(ts) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - INTERVAL '%d seconds' AS mark FROM e) e", delay)

// lateSource has windows of rows of which some are late.
func lateSource(r *rand.Rand) source {
	var s source
	kind := r.IntN(3)
	switch kind {
	case 0:
		s = tumblingSource(r)
	case 1:
		s = hoppingSource(r)
	default:
		s = cumulateSource(r)
	}
	s.late = true
	grace := 0
	if r.IntN(2) == 0 {
		grace = r.IntN(8)
		s.clause += " GRACE " + seconds(grace)
	}
	windows := strings.ReplaceAll(s.theirs, "FROM e", "FROM "+arrived)
	open := fmt.Sprintf("mark IS NULL OR window_end + %s > mark", seconds(grace))
	s.theirs = fmt.Sprintf("(SELECT * FROM %s WHERE %s) e", windows, open)
	if kind == 0 && r.IntN(3) == 0 {
		s.next = true
		_, rest, _ := strings.Cut(windows, "date_bin(")
		size, rest, _ := strings.Cut(rest, ", ts, ")
		from, _, _ := strings.Cut(rest, ") AS window_start")
		bin := fmt.Sprintf("date_bin(%s, mark - %s, %s)", size, seconds(grace), from)
		s.theirs = fmt.Sprintf("(SELECT id, k, v, x, d, ts, CASE WHEN %[1]s THEN window_start ELSE %[2]s END AS window_start, CASE WHEN %[1]s THEN window_end ELSE %[2]s + %[3]s END AS window_end FROM %[4]s) e", open, bin, size, windows)
	}
	return s
}

// lateOverSource has OVER in the order of time, of what is not late.
func lateOverSource(r *rand.Rand) source {
	by := one(r, "PARTITION BY k ", "PARTITION BY v % 2 ", "")
	call := one(r, "row_number() OVER (#ORDER BY ts, id)", "lag(v) OVER (#ORDER BY ts, id)", "lead(v, 2) OVER (#ORDER BY ts, id)", "sum(v) OVER (#ORDER BY ts, id ROWS 2 PRECEDING)", "count(*) OVER (#ORDER BY ts)",
		"sum(v) OVER (#ORDER BY ts RANGE BETWEEN INTERVAL '3 seconds' PRECEDING AND INTERVAL '2 seconds' FOLLOWING)", "max(v) OVER (#ORDER BY ts, id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)")
	of := func(from string) string {
		return fmt.Sprintf("(SELECT *, %s AS w FROM %s) e", strings.ReplaceAll(call, "#", by), from)
	}
	return source{late: true, ours: of("e"), theirs: of("(SELECT * FROM " + arrived + " WHERE ts IS NULL OR mark IS NULL OR ts >= mark) e"), columns: []string{"e.id", "e.k", "e.w"}}
}

// A session is one of a key.
type sessionOf struct {
	key        string
	start, end time.Time
	ids        []string
}

// lateSessionSource has sessions of rows of which some are late.
func lateSessionSource(r *rand.Rand) source {
	gap, grace := 1+r.IntN(6), 0
	clause := fmt.Sprintf("WINDOW SESSION (%s)", seconds(gap))
	if r.IntN(2) == 0 {
		grace = r.IntN(8)
		clause += " GRACE " + seconds(grace)
	}
	by := one(r, "PARTITION BY e.k ", "")
	return source{late: true, ours: "e", windowed: true, clause: clause, theirs: by, model: func(rows []string) string {
		return sessionModel(rows, by != "", time.Duration(gap)*time.Second, time.Duration(grace)*time.Second)
	}}
}

// sessionModel has the rows of e with the bounds of their sessions: what
// docs/windows.md says of late rows, row by row.
func sessionModel(rows []string, keyed bool, gap, grace time.Duration) string {
	var all []*sessionOf
	var mark time.Time
	for _, row := range rows {
		f := strings.Split(row, ",")
		if f[5] == "" {
			continue
		}
		ts, err := time.Parse(stamp, f[5])
		if err != nil {
			panic(err)
		}
		n := &sessionOf{start: ts, end: ts.Add(gap), ids: []string{f[0]}}
		if keyed {
			n.key = f[1]
		}
		closed := func(s *sessionOf) bool { return !mark.IsZero() && s.end.Add(grace).Before(mark) }
		met := false
		all = slices.DeleteFunc(all, func(s *sessionOf) bool {
			if s.key != n.key || closed(s) || s.end.Before(ts) || s.start.Sub(ts) > gap {
				return false
			}
			met = true
			if s.start.Before(n.start) {
				n.start = s.start
			}
			if s.end.After(n.end) {
				n.end = s.end
			}
			n.ids = append(n.ids, s.ids...)
			return true
		})
		if met || !closed(n) {
			all = append(all, n)
		}
		if m := ts.Add(-delay * time.Second); m.After(mark) {
			mark = m
		}
	}
	var values []string
	for _, s := range all {
		for _, id := range s.ids {
			values = append(values, fmt.Sprintf("(%s, timestamptz '%s', timestamptz '%s')", id, s.start.Format(stamp), s.end.Format(stamp)))
		}
	}
	if len(values) == 0 {
		values = []string{"(-1, now(), now())"}
	}
	return fmt.Sprintf("(SELECT e.*, window_start, window_end FROM e JOIN (VALUES %s) w (of, window_start, window_end) ON e.id = w.of) e", strings.Join(values, ", "))
}
