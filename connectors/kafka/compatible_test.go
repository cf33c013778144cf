package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestAvroCompatibility registers a sink's schema where the subject's versions and its level
// allow it, and else names both versions. The registry of the tests takes any.
func TestAvroCompatibility(t *testing.T) {
	b, reg := start(t), startRegistry(t)
	record := func(fields string) string {
		return `{"type":"record","name":"orders","fields":[{"name":"id","type":["null","long"],"default":null}` + fields + `]}`
	}
	const (
		more     = `,{"name":"more","type":["null","string"],"default":null}`
		required = `,{"name":"more","type":"string"}`
	)
	kinds := func(symbols ...string) string {
		return `,{"name":"more","type":{"type":"enum","name":"kinds","symbols":["` + strings.Join(symbols, `","`) + `"]}}`
	}
	cl, err := sr.NewClient(sr.URLs(reg.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		level    sr.CompatibilityLevel
		versions []string
		next     string
		refused  string // "": it is taken
	}{
		{sr.CompatBackward, []string{record("")}, record(more), ""},
		{sr.CompatBackward, []string{record("")}, record(required), "would be version 2 of subject \"%s-value\", is not compatible with version 1 (BACKWARD): what was written with that cannot be read"},
		{sr.CompatBackward, []string{record(required)}, record(""), ""},
		{sr.CompatForward, []string{record("")}, record(required), ""},
		{sr.CompatForward, []string{record(required)}, record(""), "(FORWARD): who has that cannot read"},
		{sr.CompatFull, []string{record("")}, record(required), "(FULL)"},
		{sr.CompatFull, []string{record("")}, record(more), ""},
		{sr.CompatBackward, []string{record(required), record("")}, record(more), ""},
		{sr.CompatBackward, []string{record(""), record(more)}, record(required), "is not compatible with version 2 (BACKWARD)"},
		{sr.CompatBackward, []string{record(kinds("a", "b"))}, record(kinds("a")), "no symbol"},
		{sr.CompatBackward, []string{record(kinds("a"))}, record(kinds("a", "b")), ""},
		{sr.CompatBackwardTransitive, []string{record(""), record(required)}, record(`,{"name":"more","type":["string","null"]}`), "would be version 3 of subject \"%s-value\", is not compatible with version 1 (BACKWARD_TRANSITIVE)"},
		{sr.CompatNone, []string{record("")}, record(required), ""},
		{sr.CompatBackward, nil, record(required), ""},
		{sr.CompatFull, []string{record(required), record("")}, record(required), ""}, // it is one already
	} {
		topic := fmt.Sprint("c", i)
		b.topic(topic, 1)
		if r := cl.SetCompatibility(t.Context(), sr.SetCompatibility{Level: c.level}, topic+"-value"); r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		for _, v := range c.versions {
			if _, err := cl.RegisterSchema(t.Context(), topic+"-value", sr.Schema{Schema: v}, -1, -1); err != nil {
				t.Fatal(err)
			}
		}
		rel := relation(topic, "format", "avro", "schema.registry.url", reg.URL(), "avro.schema", c.next)
		rel.Columns = rel.Columns[:1]
		if strings.Contains(c.next, "more") {
			col := relation(topic).Columns[1]
			col.Name = "more"
			rel.Columns = append(rel.Columns, col)
		}
		s, err := Connector{}.Sink(t.Context(), b.env(), rel, stream.SinkOptions{})
		if err == nil {
			s.Close()
		}
		want := strings.ReplaceAll(c.refused, "%s", topic)
		if c.refused == "" && err != nil || c.refused != "" && (sqlerr.CodeOf(err) != sqlerr.InvalidTableDefinition || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s beside %q, %v: %v, want %q", c.next, c.versions, c.level, err, want)
		}
	}
}
