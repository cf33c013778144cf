package planner_test

import (
	"strings"
	"testing"
)

// TestVariables: a variable in a WITH value is refused, not taken as it stands.
func TestVariables(t *testing.T) {
	s := newSession(t, signatures(t))
	for value, refused := range map[string]bool{"${TOPIC}": true, "a-${TOPIC:-x}": true, "$TOPIC": false, "a${": false, "${}": false} {
		out := s.exec("CREATE OR REPLACE STREAM v (id int) WITH (type = 'kafka', topic = '" + value + "')")
		if got := strings.Contains(out, "0A000"); got != refused {
			t.Errorf("topic %q: %s", value, out)
		}
	}
}
