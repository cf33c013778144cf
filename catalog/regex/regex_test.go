package regex

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// matches are expressions, texts and where the match and its groups are; "-" is
// none. PostgreSQL's own answers are compared with random ones in compat-tests.
var matches = []struct {
	pattern, text, want string
	flags               Flags
}{
	{pattern: "b+", text: "abbb", want: "[1 4]"},
	{pattern: "b+?", text: "abbb", want: "[1 2]"},
	{pattern: "a|ab", text: "ab", want: "[0 2]"},
	{pattern: "(a|ab)(c|bcd)", text: "abcd", want: "[0 4 0 1 1 4]"},
	{pattern: "Y*([0-9]{1,3})", text: "XY1234Z", want: "[1 5 2 5]"},
	{pattern: "Y*?([0-9]{1,3})", text: "XY1234Z", want: "[1 3 2 3]"},
	{pattern: "(.*)([0-9]+)(.*)", text: "abc01234xyz", want: "[0 11 0 7 7 8 8 11]"},
	{pattern: "(?:(.*?)([0-9]+)(.*)){1,1}", text: "abc01234xyz", want: "[0 11 0 3 3 8 8 11]"},
	{pattern: `(.)\1`, text: "abccd", want: "[2 4 2 3]"},
	{pattern: `^(..?)\1*$`, text: "ababab", want: "[0 6 0 2]"},
	{pattern: `(.)\1`, text: "aÉéx", want: "[1 5 1 3]", flags: Flags{Fold: true}},
	{pattern: `a(?=b)`, text: "acab", want: "[2 3]"},
	{pattern: `a(?!c)`, text: "acab", want: "[2 3]"},
	{pattern: `(?<=é)a`, text: "aéa", want: "[3 4]"},
	{pattern: `(?<!^)a`, text: "aa", want: "[1 2]"},
	{pattern: `\mb\M`, text: "ab b", want: "[3 4]"},
	{pattern: "(a*)*", text: "b", want: "[0 0 0 0]"},
	{pattern: "(a)|b", text: "b", want: "[0 1 -1 -1]"},
	{pattern: "***=a.", text: "aba.", want: "[2 4]"},
	{pattern: "(?i)B", text: "ab", want: "[1 2]"},
	{pattern: "^b", text: "a\nb", want: "[2 3]", flags: Flags{LineEdge: true}},
	{pattern: "a.b", text: "a\nb", want: "-", flags: Flags{LineStop: true}},
	{pattern: " a # letter\n b ", text: "ab", want: "[0 2]", flags: Flags{Expanded: true}},
	{pattern: `\(a\)\{2\}+`, text: "aa+", want: "[0 3 1 2]", flags: Flags{Basic: true}},
	{pattern: "[[:upper:]]+", text: "aÄB", want: "[1 4]"},
	{pattern: "x*", text: "", want: "[0 0]"},
}

func TestFind(t *testing.T) {
	for _, c := range matches {
		re, err := Compile(c.pattern, c.flags)
		if err != nil {
			t.Errorf("Compile(%q): %v", c.pattern, err)
			continue
		}
		m, err := re.Find(c.text, 0, nil)
		got := fmt.Sprint(m)
		if m == nil {
			got = "-"
		}
		if err != nil || got != c.want {
			t.Errorf("Find(%q, %q) = %s, %v, want %s", c.pattern, c.text, got, err, c.want)
		}
		if found, err := re.Match(c.text, nil); err != nil || found != (c.want != "-") {
			t.Errorf("Match(%q, %q) = %t, %v", c.pattern, c.text, found, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for pattern, want := range map[string]Error{
		"(": errParens, "a)": errParens, "[a": errBrackets, "a{1": errBraces, "*": errOperand, "a**": errOperand, "(?<a)": errOperand,
		"a{2,1}": errCount, "a{256}": errCount, "a{x}": "", `\q`: errEscape, `a\`: errEscape, `\1`: errReference, `(a\1)`: errReference,
		"[b-a]": errRange, "[[:x:]]": errClass, "[[.xx.]]": errCollating, "(?z)a": errOption, "***?": errPattern, "((a{255}){255}){255}": errTooBig,
		strings.Repeat("(", maxDepth+1): errTooBig,
	} {
		_, err := Compile(pattern, Flags{})
		if got, _ := err.(Error); got != want {
			t.Errorf("Compile(%.20q) = %q, want %q", pattern, got, want)
		}
	}
}

// TestStop ends a match that would take for ever.
func TestStop(t *testing.T) {
	for _, pattern := range []string{`((a*)*\2x)*y`, `(a|b|ab)*(?=.*c)(a*)\2z$`} {
		re, err := Compile(pattern, Flags{})
		if err != nil {
			t.Fatal(err)
		}
		cancelled := errors.New("cancelled")
		asked := 0
		_, err = re.Find(strings.Repeat("ab", 5000)+strings.Repeat("a", 5000)+"xy", 0, func() error {
			if asked++; asked > 3 {
				return cancelled
			}
			return nil
		})
		if !errors.Is(err, cancelled) {
			t.Errorf("Find(%q) = %v after %d questions, want %v", pattern, err, asked, cancelled)
		}
	}
}

// TestShared runs one expression in many goroutines.
func TestShared(t *testing.T) {
	re, err := Compile(`(\w+)@(\w+)`, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 8)
	for i := range 8 {
		go func() {
			text := strings.Repeat("- ", i) + "ab@cd"
			m, _ := re.Find(text, 0, nil)
			done <- text[m[2]:m[3]] + text[m[4]:m[5]]
		}()
	}
	for range 8 {
		if got := <-done; got != "abcd" {
			t.Errorf("groups %q, want abcd", got)
		}
	}
}

// TestManyStates makes more automaton states than are kept.
func TestManyStates(t *testing.T) {
	re, err := Compile(`(a|b)*a(a|b){12}c`, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range 1 << 14 {
		b.WriteByte("ab"[i*i%97%2])
	}
	text := b.String() + "abbbbbbbbbbbbc"
	if m, err := re.Find(text, 0, nil); err != nil || m == nil || m[1] != len(text) {
		t.Errorf("Find = %v, %v, want a match to %d", m, err, len(text))
	}
}

func BenchmarkMatch(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20) + "error 42 at line 7"
	for _, pattern := range []string{"error", "err(or|a) [0-9]+", "^.*line", `\merror\M`, "([a-z]+) ([0-9]+)", `[0-9](?= at)`} {
		b.Run(pattern, func(b *testing.B) {
			re, err := Compile(pattern, Flags{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := re.Match(text, nil); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// TestLookAheadEnds: a match whose look-ahead reads the rest of the text at each place
// ends when it is asked to, and not a look-ahead later for each place that is left.
func TestLookAheadEnds(t *testing.T) {
	for _, pattern := range []string{"(?=a*b)a", "(?!a*)a", "a(?=a*b)", "(?=(?=a*b)a*c)a"} {
		re, err := Compile(pattern, Flags{})
		if err != nil {
			t.Fatal(err)
		}
		enough := errors.New("enough")
		m := re.machine(strings.Repeat("a", 20*checkEvery), func() error { return enough })
		if found := m.find(0); found || !errors.Is(m.err, enough) {
			t.Errorf("%s: found %v, %v, want %v", pattern, found, m.err, enough)
		}
		if m.steps > 4*checkEvery {
			t.Errorf("%s: %d characters were read after it was asked to end", pattern, m.steps)
		}
	}
}
