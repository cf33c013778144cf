package registry

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Options are the keys of a relation whose records are framed by a registry.
var Options = []stream.Option{
	{Key: "schema.registry.url", Help: "the registry of the topic's schemas (Confluent's protocol), several addresses of it parted by commas; http.allow must name its host"},
	{Key: "schema.registry.username", Help: "the user, by basic authentication"},
	{Key: "schema.registry.password", Help: "its password"},
	{Key: "schema.registry.token", Help: "a bearer token, in place of a user"},
	{Key: "schema.registry.ca.location", Help: "a file of certificate authorities, under file.roots; without it the system's"},
	{Key: "schema.registry.subject", Help: "the subject of the values' schema; without it as value.subject.name.strategy says"},
	{Key: "value.subject.name.strategy", Default: "topic", Help: "topic: <topic>-value; record: the record's full name; topic-record: <topic>-<record's full name>"},
}

// SinkOptions are those of a sink beside them.
var SinkOptions = []stream.Option{
	{Key: "auto.register.schemas", Default: "true", Help: "true registers the sink's schema; false takes it only if it is registered"},
}

// Config is what a relation's WITH keys say of its registry.
type Config struct {
	URL            string // "": there is none
	User, Password string
	Token          string
	CA             string // a file
	Subject        string
	Strategy       string
	NoRegister     bool
}

// Read reads the keys of Options and, of a sink, SinkOptions.
func Read(v *stream.Values, role stream.Role) Config {
	c := Config{
		URL: v.String("schema.registry.url"), User: v.String("schema.registry.username"), Password: v.String("schema.registry.password"),
		Token: v.String("schema.registry.token"), CA: v.String("schema.registry.ca.location"), Subject: v.String("schema.registry.subject"),
		Strategy: v.Enum("value.subject.name.strategy", "topic", "record", "topic-record"),
	}
	if role == stream.RoleSink {
		c.NoRegister = !v.Bool("auto.register.schemas")
	}
	if c.URL == "" {
		for _, key := range []string{"schema.registry.username", "schema.registry.token", "schema.registry.subject", "schema.registry.ca.location"} {
			if v.Given(key) {
				v.Reject(key, "a value only with schema.registry.url")
			}
		}
		return c
	}
	for _, u := range c.URLs() {
		if !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			v.Reject("schema.registry.url", "URLs that begin with http:// or https://")
		}
	}
	if (c.User == "") != (c.Password == "") || c.User != "" && c.Token != "" {
		v.Reject("schema.registry.username", "a user together with schema.registry.password, or schema.registry.token")
	}
	return c
}

// URLs are the addresses that the registry has.
func (c Config) URLs() []string {
	if c.URL == "" {
		return nil
	}
	var all []string
	for u := range strings.SplitSeq(c.URL, ",") {
		all = append(all, strings.TrimRight(strings.TrimSpace(u), "/"))
	}
	return all
}

// SubjectOf is the subject of a topic's values, whose schema is a record of the
// full name given; "" where the name is needed and not known.
func (c Config) SubjectOf(topic, record string) string {
	switch {
	case c.Subject != "":
		return c.Subject
	case c.Strategy == "topic":
		return topic + "-value"
	case record == "":
		return ""
	case c.Strategy == "record":
		return record
	}
	return topic + "-" + record
}
