// Package http sends rows to a web service. An epoch's requests are part of its
// commit: they go out after the decision, in their order, and again after a crash with
// the same bodies and idempotency keys, so that a service that heeds the keys takes
// each row once, and any other at least once.
package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	stdjson "encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Connector is HTTP's.
type Connector struct{}

// Name is 'http'.
func (Connector) Name() string { return "http" }

var options = []stream.Option{
	{Key: "url", Aliases: []string{"endpoint"}, Required: true, Help: "where requests go; http.allow must name its host"},
	{Key: "method", Default: "POST", Help: "POST, PUT or PATCH"},
	{Key: "batch_size", Default: "100", Help: "the most rows of one request"},
	{Key: "body", Default: "auto", Help: "array: a JSON array of objects; lines: an object a line; object: one, with batch_size = 1; auto: object where batch_size is 1, else array"},
	{Key: "json.decimals", Default: "number", Help: "number: exact JSON numbers; string: quoted"},
	{Key: "headers", Default: "{}", Help: "more headers, a JSON object of texts; for secrets there are the keys below"},
	{Key: "auth_token", Help: "sent as Authorization: Bearer"},
	{Key: "auth_header", Help: "the Authorization header as it is"},
	{Key: "username", Help: "with password: basic authentication"},
	{Key: "password", Help: "the password"},
	{Key: "api_key", Help: "a key that is sent in the header api_key_header"},
	{Key: "api_key_header", Default: "X-API-Key", Help: "its header"},
	{Key: "timeout", Default: "30s", Help: "how long an answer may take"},
	{Key: "request_retries", Default: "5", Help: "how often a request is made again that got no answer, 408, 429 or 5xx, before the job waits"},
	{Key: "request_backoff", Default: "200ms", Help: "the first wait; each is twice the one before, unless Retry-After says how long"},
	{Key: "retry_after_max", Default: "5m", Help: "the longest Retry-After that is waited for"},
	{Key: "idempotency_header", Default: "Idempotency-Key", Help: "the header that has a request's key, the same whenever it is made again"},
	{Key: "on_refusal", Default: "fail", Help: "fail: a request that the service refuses (4xx) fails the job; skip: its rows are left out"},
	{Key: "tls.ca_file", Help: "a file of certificate authorities, under file.roots; without it the system's"},
}

// Options are those of the sink.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSource {
		return nil
	}
	return options
}

// PseudoColumns are none.
func (Connector) PseudoColumns() []catalog.Column { return nil }

type config struct {
	url      *url.URL
	method   string
	rows     int
	body     string
	quote    bool
	header   http.Header
	secrets  []string // what of the headers is not shown, should an answer have it
	timeout  time.Duration
	retries  int
	backoff  time.Duration
	patience time.Duration
	idHeader string
	skip     bool
	tls      *tls.Config
}

// what is a request, as messages call it: a query may hold a secret, and is left out.
func (c *config) what() string {
	return c.method + " " + c.url.Scheme + "://" + c.url.Host + c.url.EscapedPath()
}

func read(env *stream.Env, rel *catalog.Relation, role stream.Role) (config, error) {
	if role == stream.RoleSource {
		return config{}, noSource(rel)
	}
	v, err := stream.ReadOptions(rel, role, options)
	if err != nil {
		return config{}, err
	}
	c := config{
		method: v.Enum("method", "POST", "PUT", "PATCH"), rows: int(v.Int("batch_size", 1, 10_000)), body: v.Enum("body", "auto", "array", "lines", "object"),
		quote: v.Enum("json.decimals", "number", "string") == "string", timeout: v.Duration("timeout"), retries: int(v.Int("request_retries", 0, 1000)),
		backoff: v.Duration("request_backoff"), patience: v.Duration("retry_after_max"), idHeader: v.String("idempotency_header"),
		skip: v.Enum("on_refusal", "fail", "skip") == "skip", header: http.Header{},
	}
	if c.timeout <= 0 {
		v.Reject("timeout", "more than 0s")
	}
	if c.body == "auto" {
		if c.body = "array"; c.rows == 1 {
			c.body = "object"
		}
	}
	if c.body == "object" && c.rows != 1 {
		v.Reject("body", "object only with batch_size = 1")
	}
	if c.url, err = url.Parse(v.String("url")); err != nil || c.url.Host == "" || c.url.Scheme != "http" && c.url.Scheme != "https" || c.url.User != nil {
		// The text is not shown: it may hold a password.
		return c, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"url\" of %q", rel.Name).
			WithHint("url takes such as https://alerts.example.com/webhook; a user and password go in username and password.")
	}
	if err := object.Reachable(c.url, env.HTTPAllow); err != nil {
		return c, err
	}
	if err := c.readHeaders(v, rel); err != nil {
		return c, err
	}
	if ca := v.String("tls.ca_file"); ca != "" {
		p, err := object.Resolve(ca, env.FileRoots)
		if err != nil {
			return c, err
		}
		pem, err := os.ReadFile(p)
		if err != nil {
			return c, object.PathError("read", p, err)
		}
		c.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
			return c, sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q holds no certificate", p).WithHint("tls.ca_file takes certificates in PEM.")
		}
	}
	return c, v.Err()
}

// readHeaders makes the headers that all requests have.
func (c *config) readHeaders(v *stream.Values, rel *catalog.Relation) error {
	var more map[string]string
	if err := stdjson.Unmarshal([]byte(v.String("headers")), &more); err != nil {
		v.Reject("headers", `a JSON object such as {"X-Source": "ferris"}`)
		return v.Err()
	}
	c.header.Set("Content-Type", "application/json")
	if c.body == "lines" {
		c.header.Set("Content-Type", "application/x-ndjson")
	}
	for k, text := range more {
		if !token(k) || strings.ContainsAny(text, "\r\n\x00") {
			v.Reject("headers", "names and values without line breaks")
			return v.Err()
		}
		c.header.Set(k, text)
	}
	auth := 0
	set := func(value string, secrets ...string) {
		auth++
		c.header.Set("Authorization", value)
		c.secrets = append(append(c.secrets, value), secrets...)
	}
	if t := v.String("auth_token"); t != "" {
		set("Bearer "+t, t)
	}
	if t := v.String("auth_header"); t != "" {
		_, credentials, _ := strings.Cut(t, " ")
		set(t, credentials)
	}
	if user, password := v.String("username"), v.String("password"); user != "" || password != "" {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		basic := r.Header.Get("Authorization")
		set(basic, strings.TrimPrefix(basic, "Basic "), password)
	}
	if auth > 1 {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "sink %q authenticates itself in several ways", rel.Name).WithHint("Give one of auth_token, auth_header, and username with password.")
	}
	if key := v.String("api_key"); key != "" {
		c.header.Set(v.String("api_key_header"), key)
		c.secrets = append(c.secrets, key)
	}
	for name, values := range c.header {
		if !token(name) || strings.ContainsAny(values[0], "\r\n\x00") {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "a header of sink %q has a line break", rel.Name).WithHint("Write its keys and tokens in one line.")
		}
	}
	if c.idHeader != "" && !token(c.idHeader) {
		v.Reject("idempotency_header", "a header's name")
	}
	return nil
}

// token reports whether a text may be a header's name.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	}) < 0
}

// Check validates the declaration; nothing is connected to.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	_, err := read(env, rel, role)
	return err
}

// Source is 0A000.
func (Connector) Source(_ context.Context, _ *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	return nil, noSource(rel)
}

func noSource(rel *catalog.Relation) error {
	return sqlerr.Unsupported("Have what polls the service write to a topic, or to objects that a stream of type 's3' follows.", "reading %q over HTTP is not supported", rel.Name)
}

// Inferrer is nil: nothing is read.
func (Connector) Inferrer(*stream.Env) stream.SchemaInferrer { return nil }
