//go:build !faultpoints

package state

// FaultPoint is a place between two steps of a commit. A process built with the tag
// faultpoints, as tests do, dies at the one that FERRIS_DIE_AT names; without the
// tag there is nothing.
func FaultPoint(string) {}

// dieAt is FaultPoint at a durable step of the store.
func dieAt(step) error { return nil }
