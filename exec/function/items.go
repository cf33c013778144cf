package function

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// valueBytes is about what a value takes that stands by itself.
const valueBytes = 160

// items counts the values that one call makes, which may be many more bytes than
// its arguments: a megabyte of commas is an array of a million.
type items struct {
	env  *Env
	size int64 // bytes of one
	n    int64
}

// more counts one more. Its error is that of too many, or why the statement has to end.
func (i *items) more() error {
	if i.n++; i.n%1024 != 0 {
		return nil
	}
	if limit := i.env.MemoryLimit; limit > 0 && i.n*i.size > limit {
		return OverLimit(int(i.n*i.size), int(limit))
	}
	return i.env.Ended()
}

// splitter cuts a text at a separator, part by part: without one (NULL) it is cut
// into characters, at an empty one not at all.
type splitter struct {
	rest      string
	sep, null types.Value // null: the part that stands for NULL
	done      bool
}

func newSplitter(s, sep, null types.Value) *splitter {
	return &splitter{rest: s.S, sep: sep, null: null, done: s.S == ""}
}

// count is how many parts there are.
func (s *splitter) count() int {
	switch {
	case s.done:
		return 0
	case s.sep.Null:
		return utf8.RuneCountInString(s.rest)
	case s.sep.S == "":
		return 1
	}
	return strings.Count(s.rest, s.sep.S) + 1
}

// next is the next part; false: there is none.
func (s *splitter) next() (types.Value, bool) {
	if s.done {
		return types.Value{}, false
	}
	part := s.rest
	switch {
	case s.sep.Null:
		_, n := utf8.DecodeRuneInString(s.rest)
		part, s.rest = s.rest[:n], s.rest[n:]
		s.done = s.rest == ""
	case s.sep.S == "":
		s.done = true
	default:
		var more bool
		part, s.rest, more = strings.Cut(s.rest, s.sep.S)
		s.done = !more
	}
	if !s.null.Null && part == s.null.S {
		return types.NullOf(types.Of(types.Text)), true
	}
	return types.NewText(part), true
}

// Next is Set's.
func (s *splitter) Next(out []vec.Vec, limit int) (int, error) {
	for n := range limit {
		v, ok := s.next()
		if !ok {
			return n, nil
		}
		vec.Append(out[0], v)
	}
	return limit, nil
}

// elements are the elements of a JSON array, one by one.
type elements struct {
	json  string
	at    int
	value func(element string) (types.Value, error)
}

// Next is Set's.
func (e *elements) Next(out []vec.Vec, limit int) (int, error) {
	n := 0
	for ; n < limit; n++ {
		item, next := elementAt(e.json, e.at)
		if next < 0 {
			break
		}
		v, err := e.value(item)
		if err != nil {
			return n, err
		}
		vec.Append(out[0], v)
		e.at = next
	}
	return n, nil
}
