package parse

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestGolden runs the files of testdata/golden: "parse" shows what Parse makes
// of a text, "expr" what Expr does.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "parse":
				return describe(d.Input)
			case "expr":
				n, err := Expr(d.Input)
				if err != nil {
					var b strings.Builder
					describeError(&b, d.Input, err)
					return b.String()
				}
				return exprText(n) + "\n"
			}
			t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
			return ""
		})
	})
}
