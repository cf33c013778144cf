package avro

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// doubled is a record of two of the records before it, so many times over; the first
// one is of the fields given.
func doubled(levels int, fields, suffix string) string {
	s := fmt.Sprintf(`{"type":"record","name":"R0","fields":[%s]}`, fields)
	for i := 1; i <= levels; i++ {
		s = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s%s},{"name":"b","type":"R%d"%s}]}`, i, s, suffix, i-1, suffix)
	}
	return s
}

// TestHostileDefault: defaults that double with each level, and one that may be
// tried in twice as many ways with each level, are refused and not encoded.
func TestHostileDefault(t *testing.T) {
	_, err := Parse(doubled(40, `{"name":"x","type":"string","default":"xxxxxxxxxxxxxxxx"}`, `,"default":{}`))
	if sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded || !strings.Contains(err.Error(), `the default of field "`) {
		t.Errorf("defaults that double: %v", err)
	}
	if _, err := Parse(strings.NewReplacer("default", "Default", "fields", "FIELDS").Replace(doubled(40, `{"name":"x","type":"int","default":1}`, `,"default":{}`))); err == nil {
		t.Error("a record whose fields are named FIELDS was taken")
	}
	if _, err := Parse(strings.ReplaceAll(doubled(40, "", `,"Default":{}`), "default", "Default")); err != nil {
		t.Errorf("an attribute that is none: %v", err)
	}
	if _, err := Parse(doubled(5, `{"name":"x","type":"string","default":"x"}`, `,"default":{}`)); err != nil {
		t.Errorf("defaults of some bytes: %v", err)
	}

	// Each of the two records is tried to its last field, which is not there.
	both := `["null",{"type":"record","name":"A","fields":[{"name":"x","type":["null","A",{"type":"record","name":"B","fields":[{"name":"x","type":["null","A","B"]},{"name":"z","type":"int"}]}]},{"name":"z","type":"int"}]}]`
	def := strings.Repeat(`{"x":`, 60) + "null" + strings.Repeat("}", 60)
	_, err = Parse(record(`{"name":"f","type":["null",` + both[8:len(both)-1] + `,"B"],"default":` + def + `}`))
	if err == nil {
		t.Error("a default that is of no branch was taken")
	}
}
