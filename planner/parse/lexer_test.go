package parse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// lexed are texts with every kind of token.
var lexed = []string{
	`a.b.c, "A""b".x, U&"d\0061t" UESCAPE '!', _x$1, é.日本`,
	`'it''s' E'a\'b' e'\\' B'01' x'fF' N'n' U&'\0061' $$a'b$$ $t$ $$ $t$ $1 $23`,
	"'a'\n'b' 'c' 'd' E'a'\n  '\\'b' 'x' -- c\n 'y'",
	`1 1.5 .5 1. 1e10 1.5E-3 0x1F 0o17 0b11 1_000 1..10 1.e5`,
	`a+b-c*d/e%f^g<h>i=j<=k>=l<>m!=n`,
	`a+-b a- -b a*-b a@-b a<->b a||-b a->>'x' #>> #- ?| @> !~~* a=-1 x<-1 ~-1`,
	`a/*x/*y*/z*/+b --c` + "\n" + `d -/* e */- f`,
	`f(a => 1, b := 2) x::int y::text[] z[1:2] $1::int`,
	`CREATE STREAM s WITH ('a' = 'b')`,
	`;;; ( ) [ ] , . :`,
	"\f\v\t\r\n x",
	`a--b`,
	`a<--b` + "\n" + `c</*x*/b`,
	`1.5.5 a.1 "x"'y' 'a'::text`,
	`select'a'from"b"where c=$1and d`,
}

// TestLexer compares the lexer's tokens with those of PostgreSQL's scanner.
func TestLexer(t *testing.T) {
	texts := append([]string(nil), lexed...)
	files, _ := filepath.Glob("testdata/seeds/*.sql")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	for _, text := range texts {
		if diff := lexerDiff(text); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// lexerDiff says where the lexer's tokens and PostgreSQL's part; "" nowhere, or
// PostgreSQL refuses the text.
func lexerDiff(text string) string {
	list := lex(text)
	clean := []byte(text)
	for _, b := range list.blanks {
		blank(clean[b.start:b.end])
	}
	scan, err := pg.Scan(string(clean))
	if err != nil {
		return ""
	}
	i := 0
	for _, tok := range scan.Tokens {
		if tok.Token == pg.Token_SQL_COMMENT || tok.Token == pg.Token_C_COMMENT {
			continue
		}
		if i >= len(list.list) {
			return "PostgreSQL has more: " + text[tok.Start:]
		}
		got := list.list[i]
		want := span{int(tok.Start), int(tok.End)}
		if got.kind == broken || got.kind == number && !literal.MatchString(list.at(i)) {
			return "" // PostgreSQL itself refuses it
		}
		if got.kind == number && strings.HasPrefix(text[got.end:], "..") {
			return "" // only PL/pgSQL has 1..10
		}
		if scannedShort(tok.Token) {
			want.end = int(got.end)
		}
		if (span{int(got.start), int(got.end)}) != want {
			return "got " + list.at(i) + ", PostgreSQL has " + text[want.start:want.end]
		}
		i++
	}
	if i < len(list.list) {
		return "more than PostgreSQL: " + list.at(i)
	}
	return ""
}

// scannedShort reports the tokens whose end the binding does not give: strings
// with escapes end, for it, at their last piece.
func scannedShort(t pg.Token) bool {
	switch t {
	case pg.Token_USCONST, pg.Token_UIDENT, pg.Token_SCONST:
		return true
	}
	return false
}

func FuzzLexer(f *testing.F) {
	for _, text := range lexed {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkText(text) != nil || strings.Contains(text, "#") {
			return
		}
		list := lex(text)
		end := int32(0)
		for i, tok := range list.list {
			if tok.start < end || tok.end <= tok.start || int(tok.end) > len(text) {
				t.Fatalf("%q: token %d is %v after byte %d", text, i, tok, end)
			}
			end = tok.end
		}
		if diff := lexerDiff(text); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
	})
}
