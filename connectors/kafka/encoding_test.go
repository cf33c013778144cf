package kafka

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestEncodings reads values that are not UTF-8; what stands for no character makes its
// record a bad one, which is kept as it came.
func TestEncodings(t *testing.T) {
	b := start(t)
	for topic, c := range map[string]struct {
		options []string
		values  []string
		want    []string
	}{
		"json":  {[]string{"encoding", "latin1"}, []string{"{\"id\":1,\"name\":\"K\xf6ln\"}", `{"id":2,"name":"x"}`}, []string{"1 Köln @0:0", "2 x @0:1"}},
		"wide":  {[]string{"encoding", "utf-16"}, []string{"\xff\xfe{\x00\"\x00i\x00d\x00\"\x00:\x001\x00}\x00", "\x00{\x00}"}, []string{"1 NULL @0:0", "NULL NULL @0:1"}},
		"lines": {[]string{"format", "csv", "encoding", "windows-1252"}, []string{"1,10 \x80", "2,a\x81"}, []string{"1 10 € @0:0"}},
		"texts": {[]string{"format", "text", "encoding", "koi8-r"}, []string{"\xf0\xd2\xc9"}, []string{"При @0:0"}},
	} {
		b.topic(topic, 1)
		for _, v := range c.values {
			b.record(&kgo.Record{Topic: topic, Value: []byte(v)})
		}
		rel := relation(topic, c.options...)
		if topic == "texts" {
			rel.Columns = rel.Columns[1:]
		}
		cur := b.open(rel, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		got, err := cur.rest()
		if err != nil && !errors.Is(err, io.EOF) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", topic, got, err, c.want)
		}
		if topic == "lines" && (len(cur.rejects) != 1 || string(cur.rejects[0].Raw) != c.values[1] || sqlerr.CodeOf(cur.rejects[0].Err) != sqlerr.CharacterNotInRepertoire) {
			t.Errorf("%s: rejected %+v", topic, cur.rejects)
		}
	}
	rel := relation("json", "encoding", "latin1")
	rel.Columns = nil
	if cols, err := (Connector{}).Inferrer(b.env()).Infer(t.Context(), rel); err != nil || len(cols) != 2 {
		t.Errorf("inferred %v, %v", cols, err)
	}
	for _, c := range []struct {
		options []string
		kind    catalog.Kind
		role    stream.Role
		code    sqlerr.Code
		hint    string
	}{
		{[]string{"encoding", "ebcdic"}, catalog.Stream, stream.RoleSource, sqlerr.InvalidParameterValue, "windows-1250 to"},
		{[]string{"encoding", "latin1", "format", "raw"}, catalog.Stream, stream.RoleSource, sqlerr.InvalidParameterValue, "utf-8 with format raw"},
		{[]string{"encoding", "latin1"}, catalog.Sink, stream.RoleSink, sqlerr.FeatureNotSupported, "utf-8"},
	} {
		rel := relation("t", c.options...)
		rel.Kind = c.kind
		if c.options[len(c.options)-1] == "raw" {
			rel.Columns = rel.Columns[1:]
		}
		err := Connector{}.Check(&stream.Env{}, rel, c.role)
		if e := sqlerr.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%v: %+v, want %s %q", c.options, e, c.code, c.hint)
		}
	}
}
