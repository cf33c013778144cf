package bind

// maxFuzzy is the most edits at which a name is still offered as a hint.
const maxFuzzy = 3

// fuzzy finds the one or two names nearest to one that does not exist
// (PostgreSQL's updateFuzzyAttrMatchState).
type fuzzy struct {
	distance int
	matches  []string // qualified
}

// consider weighs one column; penalty is the distance of its table's name.
func (f *fuzzy) consider(penalty int, table, column, wanted string) {
	if penalty > f.distance || column == "" {
		return
	}
	d := levenshtein(column, wanted)
	if d > len(wanted)/2 {
		return
	}
	d += penalty
	name := table + "." + column
	if table == "" {
		name = column
	}
	switch {
	case d < f.distance:
		f.distance, f.matches = d, []string{name}
	case d == f.distance:
		switch {
		case len(f.matches) == 2:
			f.matches, f.distance = nil, d-1
		case len(f.matches) == 1:
			f.matches = append(f.matches, name)
		case f.distance <= maxFuzzy:
			f.matches = []string{name}
		}
	}
}

// levenshtein is the number of edits between two names.
func levenshtein(a, b string) int {
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
		}
		prev, cur = cur, prev
	}
	return prev[len(b)]
}

// nearest is the candidate closest to a word, "" where none is near.
func nearest(word string, candidates []string) string {
	best, at := "", maxFuzzy+1
	for _, c := range candidates {
		if d := levenshtein(word, c); d < at && d <= max(1, len(word)/2) {
			best, at = c, d
		}
	}
	return best
}
