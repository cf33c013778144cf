package object

import (
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

func TestTemplate(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 67_000_000, time.FixedZone("east", 3600))
	for text, want := range map[string]string{
		"plain.json":                    "plain.json",
		"a_{date}_{hour}.json":          "a_2026-01-02_02.json",
		"{year}/{month}/{day}/{minute}": "2026/01/02/04",
		"x/{timestamp}-{batch_id}.csv":  "x/20260102T020405067-17.csv",
		"{batch_id}{batch_id}":          "1717",
	} {
		tmpl, err := ParseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := tmpl.Expand(at, "17"); got != want {
			t.Errorf("%s makes %s, want %s", text, got, want)
		}
	}
	tmpl, err := ParseTemplate("in/{date}/a-{batch_id}.json")
	if err != nil || tmpl.Prefix() != "in/" || tmpl.Pattern() != "in/*/a-*.json" || !tmpl.Has("date") || tmpl.Has("hour", "timestamp") || tmpl.Plain() {
		t.Errorf("a template: %+v, %v", tmpl, err)
	}
	for _, text := range []string{"{date", "date}", "{nope}", "{}", "a{da{te}}"} {
		if _, err := ParseTemplate(text); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("%s: %v, want 22023", text, err)
		}
	}
}
