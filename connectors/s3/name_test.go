package s3

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestKeys makes keys of templates: each has its folders, one batch id and one
// extension.
func TestKeys(t *testing.T) {
	at := time.Date(2026, 11, 22, 14, 5, 9, 0, time.UTC)
	id := regexp.MustCompile(`20261122T140509000000-fowner-[a-z0-9]{10}`)
	for template, want := range map[string]string{
		"":                              "ID.json",
		"a/":                            "a/ID.json",
		"a":                             "a/ID.json",
		"a/{year}/{month}/{day}/{hour}": "a/2026/11/22/14/ID.json",
		"a/x.csv.gz":                    "a/x-ID.csv.gz",
		"a/x-{date}.csv":                "a/x-2026-11-22-ID.csv",
		"a/{batch_id}.avro":             "a/ID.avro",
		"{date}/{batch_id}/x.json":      "2026-11-22/ID/x.json",
		"a/x.{minute}.json":             "a/x-ID.05.json",
		"a/{timestamp}":                 "a/20261122T140509000/ID.json",
	} {
		n, err := newNaming(template)
		if err != nil {
			t.Errorf("%q: %v", template, err)
			continue
		}
		if !n.dotted {
			n.ext = ".json"
		}
		n.owner = "fowner"
		got := id.ReplaceAllString(n.key("2026", at, at), "ID")
		if got != want || !strings.HasPrefix(want, n.prefix) {
			t.Errorf("%q: %q (all begin with %q), want %q", template, got, n.prefix, want)
		}
	}
	for _, template := range []string{"{moon}", "{year", "a/{}", "{batch_id}{x}"} {
		if _, err := newNaming(template); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue {
			t.Errorf("%q: %v", template, err)
		}
	}
}

// TestLongKeys: a row whose object could have no name is a row's error.
func TestLongKeys(t *testing.T) {
	n, err := newNaming("a/")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{naming: n, most: 1, open: map[string]*upload{}}
	now := time.Date(2026, 11, 22, 14, 5, 9, 0, time.UTC)
	_, err = s.start(t.Context(), "2026-11-22T14:05:00Z/region="+strings.Repeat("x", longestKey), now, now)
	if refused := (rowError{}); !errors.As(err, &refused) || sqlerr.CodeOf(refused.error) != sqlerr.StringDataRightTruncation || len(s.open) != 0 {
		t.Errorf("%v, %d objects", err, len(s.open))
	}
}

// TestMatches matches keys with patterns.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"a/*.json", "a/x.json", true}, {"a/*.json", "a/b/x.json", false}, {"**/*.json", "x.json", true}, {"**/*.json", "a/b/x.json", true},
		{"a/**", "a/b/c", true}, {"a/**", "a", false}, {"a/**/b/*", "a/b/c", true}, {"a/**/b/*", "a/x/y/b/c", true}, {"a/**/b/*", "a/x/c", false},
		{"a/[0-9]?", "a/1x", true}, {"a/[0-9]?", "a/xx", false}, {"*", "a/b", false},
	} {
		if got := matches(strings.Split(c.pattern, "/"), strings.Split(c.key, "/")); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.key, got)
		}
	}
}

// TestMeant: what is listed below a folder or prefix, and is not to be read.
func TestMeant(t *testing.T) {
	for _, c := range []struct {
		place string
		raw   bool
		key   string
		want  bool
	}{
		{"a/", true, "a/x.json", true}, {"a/", true, "a/", false}, {"a/", true, "a/_SUCCESS", false}, {"a/", true, "a/.part/x", false},
		{"a/", true, "a/_year=2026/x", true}, {"a/_x", true, "a/_x1.json", true}, {"", true, "_SUCCESS", false}, {"a/*", false, "a/_SUCCESS", true},
		{"logs/2026*/", true, "logs/202611/deep/x", true}, {"logs/2026*", true, "logs/202611", true}, {"logs/2026*", true, "logs/2025", false},
	} {
		s := &store{config: config{bucket: "b", key: c.place, raw: c.raw}}
		if got := s.meant(c.key); got != c.want {
			t.Errorf("%q of %q: %v", c.key, c.place, got)
		}
	}
}

// TestEndpoints: where requests go, and where they may not.
func TestEndpoints(t *testing.T) {
	for _, c := range []struct {
		options string
		allow   []string
		host    string
		lookup  string
		code    sqlerr.Code
	}{
		{"", nil, "s3.amazonaws.com", "host", ""},
		{"region=eu-central-1", nil, "s3.amazonaws.com", "host", ""},
		{"path_style=true", nil, "s3.amazonaws.com", "path", ""},
		{"endpoint=https://s3.eu-central-1.amazonaws.com", nil, "s3.eu-central-1.amazonaws.com", "host", ""},
		{"endpoint=http://s3.amazonaws.com", nil, "", "", sqlerr.InsufficientPrivilege},
		{"endpoint=https://s3.amazonaws.com.evil.org", nil, "", "", sqlerr.InsufficientPrivilege},
		{"endpoint=http://169.254.169.254", []string{"s3.internal"}, "", "", sqlerr.InsufficientPrivilege},
		{"endpoint=s3.internal:9000", []string{"s3.internal"}, "s3.internal:9000", "path", ""},
		{"endpoint=https://s3.internal:9000 path_style=false", []string{"*.internal"}, "s3.internal:9000", "host", ""},
		{"endpoint=https://s3.internal/x", []string{"*"}, "", "", sqlerr.InvalidParameterValue},
		{"endpoint=ftp://s3.internal", []string{"*"}, "", "", sqlerr.InvalidParameterValue},
		{"bucket=other", nil, "", "", sqlerr.InvalidParameterValue},
		{"access_key_id=a", nil, "", "", sqlerr.InvalidParameterValue},
		{"credentials=keys", nil, "", "", sqlerr.InvalidParameterValue},
		{"sse.kms_key_id=k", nil, "", "", sqlerr.InvalidParameterValue},
	} {
		rel := &catalog.Relation{Name: "s", Kind: catalog.Stream, Connector: "s3", Options: catalog.Options{{Key: "path", Value: "s3://bucket/key"}}}
		for _, o := range strings.Fields(c.options) {
			k, v, _ := strings.Cut(o, "=")
			rel.Options = append(rel.Options, catalog.Option{Key: k, Value: v})
		}
		got, _, err := source(&stream.Env{HTTPAllow: c.allow}, rel)
		if sqlerr.CodeOf(err) != c.code && err != nil || (err == nil) != (c.code == "") {
			t.Errorf("%q: %v, want %q", c.options, err, c.code)
		} else if err == nil && (got.host != c.host || got.lookup != c.lookup) {
			t.Errorf("%q: %s by %s, want %s by %s", c.options, got.host, got.lookup, c.host, c.lookup)
		}
	}
}

// TestKeysInOrder: the names of objects that begin in one moment are in the order in which
// they are made.
func TestKeysInOrder(t *testing.T) {
	n, err := newNaming("a/")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 14, 5, 9, 0, time.UTC)
	last := ""
	for range 100 {
		if key := n.key("", now, now); key > last {
			last = key
		} else {
			t.Fatalf("%q is made behind %q", key, last)
		}
	}
}
