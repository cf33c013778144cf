package function

import (
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// long are calls whose results are much longer than a statement may work on without
// being asked to end.
var long = map[string]func(env *Env) (types.Value, error){
	"lpad": func(env *Env) (types.Value, error) { return padded(env, "x", "abc", 1<<22, true) },
	"rpad": func(env *Env) (types.Value, error) { return padded(env, "x", "äö", 1<<22, false) },
	"repeat": func(env *Env) (types.Value, error) {
		return extended(env, "", strings.Repeat("ab", 1<<20), 4<<20, "")
	},
	"string_to_array": func(env *Env) (types.Value, error) {
		return splitText(env, types.NewText(strings.Repeat("a,", 1<<16)), types.NewText(","), types.Value{Null: true})
	},
	"characters": func(env *Env) (types.Value, error) {
		return splitText(env, types.NewText(strings.Repeat("ab", 1<<15)), types.Value{Null: true}, types.Value{Null: true})
	},
	"regexp_split_to_array": func(env *Env) (types.Value, error) {
		parts, err := regexSplit(env, strings.Repeat("a,", 1<<15), ",", "", "regexp_split_to_array")
		return textArray(parts), err
	},
	"regexp_matches": func(env *Env) (types.Value, error) {
		_, err := regexMatches(env, []types.Value{types.NewText(strings.Repeat("a,", 1<<14)), types.NewText("a")}, "g")
		return types.Value{}, err
	},
}

// TestLongCallsEnd: they end with the statement, and before they hold more than it may.
func TestLongCallsEnd(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, call := range long {
		t.Run(name, func(t *testing.T) {
			if _, err := call(&Env{Context: gone}); !errors.Is(err, context.Canceled) {
				t.Errorf("of a statement that has ended: %v, want %v", err, context.Canceled)
			}
			var e *sqlerr.Error
			if _, err := call(&Env{Context: context.Background(), MemoryLimit: 1 << 20}); !errors.As(err, &e) || e.Code != sqlerr.OutOfMemory {
				t.Errorf("with 1 MB of memory: %v, want %s", err, sqlerr.OutOfMemory)
			}
			if _, err := call(&Env{Context: context.Background()}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLongTexts: what is made piece by piece is what it is as a whole.
func TestLongTexts(t *testing.T) {
	env := &Env{Context: context.Background()}
	marks := strings.Repeat("a\u0308\u0323e\u0301\u00f6", 40_000)
	odd := strings.Repeat("äb", 300_001)
	for name, c := range map[string]struct {
		got  func() (types.Value, error)
		want string
	}{
		"NFC":        {func() (types.Value, error) { return normalized(env, norm.NFC, marks) }, norm.NFC.String(marks)},
		"NFKD":       {func() (types.Value, error) { return normalized(env, norm.NFKD, "x"+marks) }, norm.NFKD.String("x" + marks)},
		"lpad":       {func() (types.Value, error) { return padded(env, "x", "äbc", 1_000_000, true) }, strings.Repeat("äbc", 333_333) + "äx"},
		"rpad":       {func() (types.Value, error) { return padded(env, "x", "äbc", 1_000_001, false) }, "x" + strings.Repeat("äbc", 333_333) + "äb"},
		"short lpad": {func() (types.Value, error) { return padded(env, "x", "äbc", 4, true) }, "äbcäx"},
		"long fill":  {func() (types.Value, error) { return padded(env, "x", odd, 600_003, false) }, "x" + odd + "ä"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := c.got(); err != nil || got.S != c.want {
				t.Errorf("%d bytes, %v, want %d bytes", len(got.S), err, len(c.want))
			}
		})
	}
}
