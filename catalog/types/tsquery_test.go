package types

import (
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestDeepTSQuery: a query whose operators lie deep within each other is refused, in
// text and in binary; its output would not return.
func TestDeepTSQuery(t *testing.T) {
	typ := Of(TSQuery)
	chain := func(n int) string { return strings.Repeat("a & ", n) + "a" }
	v, err := Parse(typ, chain(maxQueryTree), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(AppendText(nil, v, nil)); len(text) != len(strings.ReplaceAll(chain(maxQueryTree), "a", "'a'")) {
		t.Errorf("%d bytes come back", len(text))
	}
	for what, text := range map[string]string{
		"a row of words": chain(maxQueryTree + 1), "a row of NOT": strings.Repeat("!", maxQueryTree+1) + "a", "a long row": chain(1_000_000),
		"parentheses": strings.Repeat("(", maxQueryDepth+1) + "a" + strings.Repeat(")", maxQueryDepth+1),
	} {
		if _, err := Parse(typ, text, nil); sqlerr.CodeOf(err) != sqlerr.StatementTooComplex {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The tree is as deep on the left as on the right.
	if _, err := Parse(typ, "a & "+strings.Repeat("(a & ", 3000)+"a"+strings.Repeat(")", 3000), nil); err != nil {
		t.Error(err)
	}
	items := queryItems(v.S)
	deep := newTSQuery(append([]queryItem{{op: queryNot}}, items...))
	if _, err := FromBinary(typ, AppendBinary(nil, v, nil), nil); err != nil {
		t.Error(err)
	}
	if _, err := FromBinary(typ, AppendBinary(nil, deep, nil), nil); sqlerr.CodeOf(err) != sqlerr.StatementTooComplex {
		t.Errorf("in binary: %v", err)
	}
}

// TestLongTSVector: words that come again count, and the text ends there.
func TestLongTSVector(t *testing.T) {
	_, err := Parse(Of(TSVector), strings.Repeat("word ", maxLexemeBytes), nil)
	if sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
		t.Error(err)
	}
}
