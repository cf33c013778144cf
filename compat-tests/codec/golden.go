package codec

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// question is one value given to one type under some settings.
type question struct {
	settings settings
	typ      string // as SQL spells it, with its modifier
	binary   bool   // the input is the binary form
	input    string
}

// answer is what came of it: the text and binary forms, or an error.
type answer struct {
	text, binary          string
	code, message, detail string
}

func (a answer) String() string {
	if a.code != "" {
		s := "error " + a.code + " " + strconv.Quote(a.message)
		if a.detail != "" {
			s += " detail " + strconv.Quote(a.detail)
		}
		return s
	}
	return strconv.Quote(a.text) + " " + hex.EncodeToString([]byte(a.binary))
}

// line is a question as goldens have it; its settings stand above it.
func (q question) line() string {
	if q.binary {
		return q.typ + " recv " + hex.EncodeToString([]byte(q.input))
	}
	return q.typ + " in " + strconv.Quote(q.input)
}

const goldenDir = "testdata"

// readGolden returns the answers of a file: settings, then line, to answer.
func readGolden(name string) (map[settings]map[string]string, error) {
	f, err := os.Open(filepath.Join(goldenDir, name))
	if err != nil {
		return nil, fmt.Errorf("opening goldens (go test -rewrite makes them): %w", err)
	}
	defer f.Close()
	all := map[settings]map[string]string{}
	var under map[string]string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		text := lines.Text()
		if set, ok := strings.CutPrefix(text, "# "); ok {
			under = map[string]string{}
			all[settings(set)] = under
			continue
		}
		q, a, ok := strings.Cut(text, " => ")
		if !ok || under == nil {
			return nil, fmt.Errorf("reading goldens %s: no answer in %q", name, text)
		}
		under[q] = a
	}
	return all, lines.Err()
}

func writeGolden(name string, questions []question, answers []answer) error {
	var b strings.Builder
	under := settings("none yet")
	for i, q := range questions {
		if q.settings != under {
			under = q.settings
			fmt.Fprintf(&b, "# %s\n", under)
		}
		fmt.Fprintf(&b, "%s => %s\n", q.line(), answers[i])
	}
	return os.WriteFile(filepath.Join(goldenDir, name), []byte(b.String()), 0o644)
}

// typeOf reads a type as SQL spells it: numeric(4,2)[], timestamp(3) with time
// zone, interval year to month.
func typeOf(s string) types.Type {
	base, array := strings.CutSuffix(s, "[]")
	name, mods := base, ""
	if open := strings.IndexByte(base, '('); open >= 0 {
		end := strings.IndexByte(base, ')')
		name, mods = base[:open]+base[end+1:], base[open+1:end]
	}
	var list []int32
	for m := range strings.SplitSeq(mods, ",") {
		if m != "" {
			n, err := strconv.Atoi(m)
			if err != nil {
				panic(err)
			}
			list = append(list, int32(n))
		}
	}
	if fields, ok := strings.CutPrefix(name, "interval"); ok {
		name = "interval"
		if r, ok := intervalRanges[fields]; ok {
			list = append([]int32{r}, list...)
		} else if list != nil {
			list = append([]int32{0x7fff}, list...)
		}
	}
	info, ok := types.ByName(name)
	if name == "\"char\"" {
		info, ok = types.Lookup(types.Char), true
	}
	if !ok {
		panic("no type " + name)
	}
	t := types.Of(info.OID)
	if list != nil {
		mod, err := info.ModIn(list)
		if err != nil {
			panic(err)
		}
		t.Mod = mod
	}
	if array {
		t.OID = info.Array
	}
	return t
}

var intervalRanges = map[string]int32{
	" year": 4, " month": 2, " day": 8, " hour": 1 << 10, " minute": 1 << 11, " second": 1 << 12,
	" year to month": 6, " day to hour": 8 | 1<<10, " day to minute": 8 | 3<<10, " day to second": 8 | 7<<10,
	" hour to minute": 3 << 10, " hour to second": 7 << 10, " minute to second": 6 << 10,
}

// ours answers a question with catalog/types.
func ours(q question) answer {
	t, f := typeOf(q.typ), q.settings.format()
	var v types.Value
	var err error
	if q.binary {
		v, err = types.FromBinary(t, []byte(q.input), nil)
	} else {
		v, err = types.Parse(t, q.input, f)
	}
	if err != nil {
		e := sqlerr.From(err)
		return answer{code: string(e.Code), message: e.Message, detail: e.Detail}
	}
	return answer{
		text:   string(types.AppendText(nil, v, f)),
		binary: string(types.AppendBinary(nil, v, f)),
	}
}
