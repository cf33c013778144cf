package codec

import (
	"flag"
	"os"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

var rewrite = flag.Bool("rewrite", false, "ask a real PostgreSQL again and write testdata")

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// TestGolden compares catalog/types with the answers that PostgreSQL gave.
func TestGolden(t *testing.T) {
	if *rewrite {
		rewriteGoldens(t)
	}
	for _, suite := range suites {
		t.Run(suite.name, func(t *testing.T) {
			golden, err := readGolden(suite.name)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, q := range suite.questions() {
				want, ok := golden[q.settings][q.line()]
				if !ok {
					t.Fatalf("%s: no golden for %s; go test -rewrite asks PostgreSQL", q.settings, q.line())
				}
				n++
				if got := ours(q).String(); got != want {
					t.Errorf("%s: %s\n got %s\nwant %s", q.settings, q.line(), got, want)
				}
			}
			for _, under := range golden {
				n -= len(under)
			}
			if n != 0 {
				t.Errorf("goldens have %d answers that nobody asks for; go test -rewrite drops them", -n)
			}
		})
	}
}

func rewriteGoldens(t *testing.T) {
	o := newOracle(t)
	for _, suite := range suites {
		questions := suite.questions()
		answers := make([]answer, len(questions))
		for i, q := range questions {
			answers[i] = o.ask(q)
		}
		if err := writeGolden(suite.name, questions, answers); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGoldenIsCurrent asks PostgreSQL again: the goldens are its answers.
func TestGoldenIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("asks a real PostgreSQL thousands of questions; run without -short")
	}
	o := newOracle(t)
	for _, suite := range suites {
		golden, err := readGolden(suite.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range suite.questions() {
			if got, want := o.ask(q).String(), golden[q.settings][q.line()]; got != want {
				t.Errorf("PostgreSQL on %s: %s = %s, the golden says %s", q.settings, q.line(), got, want)
			}
		}
	}
}
