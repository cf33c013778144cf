package gateway

import (
	"os"
	"testing"
)

// TestBinaryStays: what the tree has not changed is not linked again, whichever test asks.
func TestBinaryStays(t *testing.T) {
	path, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := build("ferris-sql")
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.Stat(again)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(first, second) {
		t.Errorf("%s was built, and %s again", path, again)
	}
}
