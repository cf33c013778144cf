package function

import (
	_ "embed"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// keywordTable are PostgreSQL 16's keywords: the word, its category as
// pg_get_keywords has it, and whether it may be a label without AS.
//
//go:embed postgres/keywords.txt
var keywordTable string

// keyword is a row of pg_get_keywords.
type keyword struct {
	word     string
	category byte
	bare     bool
}

var keywords = func() []keyword {
	var all []keyword
	for line := range strings.Lines(keywordTable) {
		f := strings.Fields(line)
		all = append(all, keyword{f[0], f[1][0], f[2] == "t"})
	}
	return all
}()

var keywordCategories = map[byte]string{'U': "unreserved", 'C': "unreserved (cannot be function or type name)",
	'T': "reserved (can be function or type name)", 'R': "reserved"}

func init() {
	define("pg_get_keywords() setof record(word text, catcode char, barelabel bool, catdesc text, baredesc text) strict stable", Definition{
		Set: func(*Env, []types.Value) (Set, error) {
			return tupleSet(len(keywords), func(i int) []types.Value {
				k, bare := keywords[i], "requires AS"
				if k.bare {
					bare = "can be bare label"
				}
				return []types.Value{types.NewText(k.word), types.NewString(types.Char, string(k.category)), types.NewBool(k.bare),
					types.NewText(keywordCategories[k.category]), types.NewText(bare)}
			}), nil
		},
		Examples: examples("r FROM pg_get_keywords() r WHERE word IN ('select', 'char', 'abort', 'array', 'left')",
			`(abort,U,t,unreserved,"can be bare label"), (array,R,f,reserved,"requires AS"), (char,C,f,"unreserved (cannot be function or type name)","requires AS"), (left,T,t,"reserved (can be function or type name)","can be bare label"), (select,R,t,reserved,"can be bare label")`)})
}

// tuples is a set of records that are made as they are asked for.
type tuples struct {
	at, count int
	row       func(i int) []types.Value
}

// tupleSet is a set of count records; row makes the one at i.
func tupleSet(count int, row func(i int) []types.Value) Set { return &tuples{count: count, row: row} }

func (s *tuples) Next(out []vec.Vec, limit int) (int, error) {
	n := min(limit, s.count-s.at)
	for range n {
		for i, v := range s.row(s.at) {
			vec.Append(out[i], v)
		}
		s.at++
	}
	return n, nil
}
