package types

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/blocksort"
)

// manyMembers is an object whose keys are the numbers below n, in no order, the
// first of them twice, and the same in order.
func manyMembers(n int, last string) (text, canonical string) {
	keys := rand.New(rand.NewPCG(1, 2)).Perm(n)
	var b strings.Builder
	fmt.Fprintf(&b, `{"%d":0`, keys[n/2])
	for _, k := range keys {
		fmt.Fprintf(&b, `,"%d":%s`, k, last)
	}
	b.WriteByte('}')
	slices.SortFunc(keys, func(a, b int) int { return cmp.Compare(a, b) })
	var c strings.Builder
	for i, k := range keys {
		fmt.Fprintf(&c, `%s"%d": %s`, map[bool]string{true: "{", false: ", "}[i == 0], k, last)
	}
	c.WriteByte('}')
	return b.String(), c.String()
}

// TestManyMembers: the members of a large object are put in order, and whoever waits
// for it is asked all the while whether he does.
func TestManyMembers(t *testing.T) {
	const n = 3*blocksort.Block + 1
	text, want := manyMembers(n, "1")
	questions := 0
	got, err := AppendCanonicalJSONUntil(nil, []byte(text), func() error { questions++; return nil })
	if err != nil || string(got) != want {
		t.Fatalf("%d bytes, want %d: %v", len(got), len(want), err)
	}
	read := len(text) / askedJSON
	if questions < read+2*n/blocksort.Block {
		t.Errorf("%d questions, of which %d are those while it was read", questions, read)
	}
	tired := errors.New("tired")
	for stop := 0; stop < questions; stop += 1 + questions/8 {
		left := stop
		_, err := AppendCanonicalJSONUntil(nil, []byte(text), func() error {
			if left--; left < 0 {
				return tired
			}
			return nil
		})
		if !errors.Is(err, tired) {
			t.Fatalf("given up at question %d of %d: %v", stop, questions, err)
		}
	}
	if got, err := AppendCanonicalJSON(nil, []byte(text)); err != nil || string(got) != want {
		t.Errorf("%d bytes when nobody gives up, want %d: %v", len(got), len(want), err)
	}
}

// TestCompareJSONBUntil: large documents that differ in the last member are compared,
// and the comparison ends when it is given up.
func TestCompareJSONBUntil(t *testing.T) {
	_, a := manyMembers(20_000, "1")
	b := a[:len(a)-2] + "2}"
	questions := 0
	asked := func() error { questions++; return nil }
	if c, err := CompareJSONBUntil(a, b, asked); c != -1 || err != nil {
		t.Errorf("compared as %d, %v", c, err)
	}
	if least := 2 * len(a) / askedJSON; questions < least {
		t.Errorf("%d questions, want at least %d", questions, least)
	}
	tired := errors.New("tired")
	for stop := 0; stop < questions; stop += 1 + questions/8 {
		left := stop
		_, err := CompareJSONBUntil(a, b, func() error {
			if left--; left < 0 {
				return tired
			}
			return nil
		})
		if !errors.Is(err, tired) {
			t.Fatalf("given up at question %d of %d: %v", stop, questions, err)
		}
	}
}

// TestJSONStrings: strings are read in steps of eight bytes; what ends them, and what
// may not be in them, is found at each place of a step.
func TestJSONStrings(t *testing.T) {
	for n := range 20 {
		plain := strings.Repeat("ä", n/2) + strings.Repeat("x", n%2)
		for text, want := range map[string]string{
			`"` + plain + `"`: `"` + plain + `"`, `"` + plain + `\u0061"`: `"` + plain + `a"`, `"` + plain + `\ud83d\ude00b"`: `"` + plain + "\U0001f600b\"",
			`"` + plain + "\x01\"": "", `"` + plain + `\ud83d"`: "", `"` + plain + `\ud83dabcdefghij"`: "", `"` + plain: "", `"` + plain + `\`: "",
		} {
			got, err := AppendCanonicalJSON(nil, []byte(text))
			if (err == nil) != (want != "") || err == nil && string(got) != want {
				t.Errorf("%s is read as %s, %v", text, got, err)
			}
		}
	}
}
