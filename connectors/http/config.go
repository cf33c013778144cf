package http

import (
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
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// requests is what all requests of a declaration have in common.
type requests struct {
	text     string // of the URL, which may have {column}
	url      *url.URL
	hidden   bool // the URL's path is not shown
	method   string
	header   http.Header
	personal []string // names of headers that only the URL's own host gets
	secrets  []string // what is not shown, should an answer have it
	allow    []string
	timeout  time.Duration
	retries  int
	backoff  time.Duration
	patience time.Duration
	tls      *tls.Config
}

// what is a request, as messages call it: a query may hold a secret, and is left out, and
// so is a path that was not written in the declaration.
func (c *requests) what() string { return c.method + " " + c.shown(c.url) }

// shown is a URL, as messages have it.
func (c *requests) shown(u *url.URL) string {
	path := strings.NewReplacer("%7B", "{", "%7D", "}").Replace(u.EscapedPath())
	if c.hidden && path != "" && path != "/" {
		path = "/***"
	}
	return u.Scheme + "://" + u.Host + c.mask(path)
}

// mask hides what authenticates a request, which some services send back.
func (c *requests) mask(s string) string {
	for _, secret := range c.secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return s
}

// readRequests reads what sinks and sources share; the URL's texts in braces stand for
// columns.
func readRequests(env *stream.Env, rel *catalog.Relation, role stream.Role, v *stream.Values) (*requests, error) {
	c := &requests{timeout: v.Duration("timeout"), retries: int(v.Int("request_retries", 0, 1000)), backoff: v.Duration("request_backoff"),
		patience: v.Duration("retry_after_max"), header: http.Header{}, allow: env.HTTPAllow}
	if c.timeout <= 0 {
		v.Reject("timeout", "more than 0s")
	}
	var err error
	if c.text, c.hidden, err = secret(env, rel, v, "url"); err != nil {
		return c, err
	}
	if c.text == "" {
		return c, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s %q needs the parameter \"url\"", role, rel.Name).WithHint("url: where requests go; http.allow must name its host.")
	}
	if c.url, err = url.Parse(c.text); err != nil || c.url.Host == "" || c.url.Scheme != "http" && c.url.Scheme != "https" || c.url.User != nil || strings.ContainsAny(c.url.Host, "{}") {
		// The text is not shown: it may hold a password.
		return c, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"url\" of %q", rel.Name).
			WithHint("url takes such as https://alerts.example.com/webhook; a user and password go in username and password.")
	}
	if err := object.Reachable(c.url, env.HTTPAllow); err != nil {
		return c, err
	}
	if c.hidden { // a service may send back what it was asked
		if len(c.url.RequestURI()) > 1 {
			c.secrets = append(c.secrets, c.url.RequestURI())
		}
		for _, values := range c.url.Query() {
			for _, value := range values {
				if len(value) >= 4 { // less is in any text
					c.secrets = append(c.secrets, value)
				}
			}
		}
	}
	if err := c.readHeaders(env, v, rel); err != nil {
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
	return c, nil
}

// readHeaders makes the headers that all requests have.
func (c *requests) readHeaders(env *stream.Env, v *stream.Values, rel *catalog.Relation) error {
	var more map[string]string
	if err := stdjson.Unmarshal([]byte(v.String("headers")), &more); err != nil {
		v.Reject("headers", `a JSON object such as {"X-Source": "ferris"}`)
		return v.Err()
	}
	for k, text := range more {
		if !token(k) || strings.ContainsAny(text, "\r\n\x00") {
			v.Reject("headers", "names and values without line breaks")
			return v.Err()
		}
		c.header.Set(k, text)
		c.personal = append(c.personal, http.CanonicalHeaderKey(k))
	}
	values := map[string]string{}
	for _, key := range []string{"auth_token", "auth_header", "password", "api_key"} {
		var err error
		if values[key], _, err = secret(env, rel, v, key); err != nil {
			return err
		}
	}
	auth := 0
	set := func(value string, secrets ...string) {
		auth++
		c.header.Set("Authorization", value)
		c.personal = append(c.personal, "Authorization")
		c.secrets = append(append(c.secrets, value), secrets...)
	}
	if t := values["auth_token"]; t != "" {
		set("Bearer "+t, t)
	}
	if t := values["auth_header"]; t != "" {
		_, credentials, _ := strings.Cut(t, " ")
		set(t, credentials)
	}
	if user, password := v.String("username"), values["password"]; user != "" || password != "" {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		basic := r.Header.Get("Authorization")
		set(basic, strings.TrimPrefix(basic, "Basic "), password)
	}
	if auth > 1 {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s %q authenticates itself in several ways", relationKind(rel), rel.Name).WithHint("Give one of auth_token, auth_header, and username with password.")
	}
	if key := values["api_key"]; key != "" {
		name := v.String("api_key_header")
		c.header.Set(name, key)
		c.personal = append(c.personal, http.CanonicalHeaderKey(name))
		c.secrets = append(c.secrets, key)
	}
	for name, values := range c.header {
		if !token(name) || strings.ContainsAny(values[0], "\r\n\x00") {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "a header of %s %q has a line break", relationKind(rel), rel.Name).WithHint("Write its keys and tokens in one line.")
		}
	}
	return nil
}

func relationKind(rel *catalog.Relation) string {
	if rel.Kind == catalog.Stream {
		return "stream"
	}
	return "sink"
}

// token reports whether a text may be a header's name.
func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	}) < 0
}

// sinkConfig is a sink's declaration, read.
type sinkConfig struct {
	*requests
	rows     int
	body     string
	quote    bool
	idHeader string
	skip     bool
}

func readSink(env *stream.Env, rel *catalog.Relation) (*sinkConfig, error) {
	v, err := stream.ReadOptions(rel, stream.RoleSink, stream.SinkOptionsOf(rel, sinkOptions, sourceOptions))
	if err != nil {
		return nil, err
	}
	r, err := readRequests(env, rel, stream.RoleSink, v)
	if err != nil {
		return nil, err
	}
	c := &sinkConfig{requests: r, rows: int(v.Int("batch_size", 1, 10_000)), body: v.Enum("body", "auto", "array", "lines", "object"),
		quote: json.QuotesDecimals(v), idHeader: v.String("idempotency_header"), skip: v.Enum("on_refusal", "fail", "skip") == "skip"}
	c.method = v.Enum("method", "POST", "PUT", "PATCH")
	if c.body == "auto" {
		if c.body = "array"; c.rows == 1 {
			c.body = "object"
		}
	}
	if c.body == "object" && c.rows != 1 {
		v.Reject("body", "object only with batch_size = 1")
	}
	if c.idHeader != "" && !token(c.idHeader) {
		v.Reject("idempotency_header", "a header's name")
	}
	if c.header.Get("Content-Type") == "" {
		c.header.Set("Content-Type", map[bool]string{false: "application/json", true: "application/x-ndjson"}[c.body == "lines"])
	}
	return c, v.Err()
}
