package aggregate

// Slides reports whether taking rows out of a, which was made to retract,
// leaves exactly what adding the others alone would: a frame that moves need not
// be aggregated anew.
func Slides(a Aggregate) bool {
	switch a.(type) {
	case *count, *integers, *numerics, *booleans, *spans:
		return true
	}
	return false
}
