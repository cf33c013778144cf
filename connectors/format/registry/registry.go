// Package registry asks a schema registry that speaks Confluent's protocol. What an
// id stands for never changes, so it is asked once in a process and kept: records
// of schemas that were met still decode while the registry is down. The package
// knows nothing of what a schema says.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// patience is how long a registry has to answer, and forget how long it is not
// asked again for what it could not tell.
const (
	patience = 5 * time.Second
	forget   = 2 * time.Second
)

// Kind is what a schema is written in.
type Kind string

// Kinds.
const (
	Avro     Kind = "AVRO"
	Protobuf Kind = "PROTOBUF"
	JSON     Kind = "JSON"
)

// Schema is a schema as the registry has it.
type Schema struct {
	ID         uint32
	Kind       Kind
	Text       string
	References []Reference // each after those that it refers to itself
	Refers     []string    // the names of those that it refers to itself; of one to be registered
}

// Reference is a schema that another one names.
type Reference struct {
	Name   string // as the other schema calls it: a full name, an import
	Text   string
	Refers []string // as Schema's
}

// Client asks one registry. Any goroutine may use it.
type Client struct {
	url string
	cl  *sr.Client

	mu     sync.Mutex
	byID   map[uint32]*Schema
	failed map[uint32]failure
}

// failure is why a schema could not be had, and until when that is believed.
type failure struct {
	err   error
	until time.Time
}

var clients = struct {
	sync.Mutex
	of map[Config]*Client
}{of: map[Config]*Client{}}

// Open returns the process's client of a registry. readFile reads the file of
// certificate authorities.
func Open(c Config, readFile func(path string) ([]byte, error)) (*Client, error) {
	c.Subject, c.Strategy, c.NoRegister = "", "", false
	clients.Lock()
	defer clients.Unlock()
	if cl := clients.of[c]; cl != nil {
		return cl, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if c.CA != "" {
		pem, err := readFile(c.CA)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q holds no certificate", c.CA)
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	opts := []sr.ClientOpt{sr.URLs(c.URLs()...), sr.UserAgent("ferrisstreams"), sr.HTTPClient(&http.Client{Transport: transport, Timeout: patience, CheckRedirect: sameHost})}
	switch {
	case c.Token != "":
		opts = append(opts, sr.BearerToken(c.Token))
	case c.User != "":
		opts = append(opts, sr.BasicAuth(c.User, c.Password))
	}
	cl, err := sr.NewClient(opts...)
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid options of the schema registry at %q: %w", c.URL, err)
	}
	client := &Client{url: c.URL, cl: cl, byID: map[uint32]*Schema{}, failed: map[uint32]failure{}}
	clients.of[c] = client
	return client, nil
}

// sameHost lets a registry send a request elsewhere on its own host, and nowhere else:
// whoever declares a stream may only have hosts asked that were allowed.
func sameHost(next *http.Request, via []*http.Request) error {
	if next.URL.Host != via[0].URL.Host || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// mostFailed is how many failures are remembered.
const mostFailed = 256

// Unknown is the error of an id or a subject that the registry does not have.
type Unknown struct{ cause *sqlerr.Error }

func (u *Unknown) Error() string { return u.cause.Error() }

// Unwrap gives the error its SQLSTATE.
func (u *Unknown) Unwrap() error { return u.cause }

// ByID returns the schema of an id. It is asked for once; an error is *Unknown where
// the registry has no such id, else it could not be asked.
func (c *Client) ByID(ctx context.Context, id uint32) (*Schema, error) {
	c.mu.Lock()
	s, f := c.byID[id], c.failed[id]
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	if f.err != nil && time.Now().Before(f.until) {
		return nil, f.err
	}
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := c.cl.SchemaByID(ask, int(id))
	if err == nil {
		s, err = c.complete(ask, id, got)
	}
	if err != nil {
		err = c.wording(ctx, err, sqlerr.Errorf(sqlerr.UndefinedObject, "schema %d is not in the registry at %q", id, c.url).
			WithHint("Check that schema.registry.url is the registry that the records' producer registers in, and that the schema was not deleted."))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if len(c.failed) >= mostFailed {
			clear(c.failed) // whoever writes records can make up ids
		}
		c.failed[id] = failure{err, time.Now().Add(forget)}
		return nil, err
	}
	delete(c.failed, id)
	c.byID[id] = s
	return s, nil
}

// Latest returns the newest version of a subject.
func (c *Client) Latest(ctx context.Context, subject string) (*Schema, error) {
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := c.cl.SchemaByVersion(ask, subject, -1)
	var s *Schema
	if err == nil {
		s, err = c.complete(ask, uint32(got.ID), got.Schema)
	}
	if err != nil {
		return nil, c.wording(ctx, err, sqlerr.Errorf(sqlerr.UndefinedObject, "subject %q is not in the registry at %q", subject, c.url).
			WithHint("Register a schema for it, write the columns of the stream, or set schema.registry.subject."))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[s.ID] = s
	return s, nil
}

// Register returns the id of a schema in a subject, which it becomes a version of where it
// is none yet. What it refers to becomes versions of subjects of their names, as Confluent's
// clients have it. only: all of them must be that already.
func (c *Client) Register(ctx context.Context, subject string, s *Schema, only bool) (uint32, error) {
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	schema, at, err := c.referring(ask, s, !only)
	if err == nil && only {
		var got sr.SubjectSchema
		if got, err = c.cl.LookupSchema(ask, subject, schema); err == nil {
			return uint32(got.ID), nil
		}
	}
	if err == nil {
		var id int
		if id, err = c.cl.RegisterSchema(ask, subject, schema, -1, -1); err == nil {
			return uint32(id), nil
		}
	}
	if at == "" {
		at = subject
	}
	unknown := sqlerr.Errorf(sqlerr.UndefinedObject, "subject %q is not in the registry at %q", at, c.url)
	if only {
		unknown = sqlerr.Errorf(sqlerr.UndefinedObject, "the schema of the sink is not registered for subject %q in the registry at %q", at, c.url).
			WithHint("Register it, or set auto.register.schemas = 'true'.")
	}
	return 0, c.wording(ctx, err, unknown)
}

// referring is a schema as it is sent, with the versions that it refers to, which register
// makes where they are none. at is the subject of that which could not be had.
func (c *Client) referring(ask context.Context, s *Schema, register bool) (schema sr.Schema, at string, err error) {
	refers := map[string]sr.SchemaReference{}
	for _, r := range s.References {
		schema := written(s.Kind, r.Text, r.Refers, refers)
		if register {
			if _, err := c.cl.RegisterSchema(ask, r.Name, schema, -1, -1); err != nil {
				return schema, r.Name, err
			}
		}
		got, err := c.cl.LookupSchema(ask, r.Name, schema)
		if err != nil {
			return schema, r.Name, err
		}
		refers[r.Name] = sr.SchemaReference{Name: r.Name, Subject: r.Name, Version: got.Version}
	}
	return written(s.Kind, s.Text, s.Refers, refers), "", nil
}

// mostReferences bounds how many schemas one names, and those in turn.
const mostReferences = 200

// complete fetches what a schema refers to.
func (c *Client) complete(ctx context.Context, id uint32, got sr.Schema) (*Schema, error) {
	s := &Schema{ID: id, Text: got.Schema, Kind: Avro}
	switch got.Type {
	case sr.TypeProtobuf:
		s.Kind = Protobuf
	case sr.TypeJSON:
		s.Kind = JSON
	}
	seen := map[sr.SchemaReference]bool{}
	var add func(refs []sr.SchemaReference) error
	add = func(refs []sr.SchemaReference) error {
		for _, r := range refs {
			if seen[r] {
				continue
			}
			if seen[r] = true; len(seen) > mostReferences {
				return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "schema %d of the registry at %q refers to more than %d others", id, c.url, mostReferences)
			}
			of, err := c.cl.SchemaByVersion(ctx, r.Subject, r.Version)
			if err != nil {
				return err
			}
			if err := add(of.References); err != nil {
				return err
			}
			s.References = append(s.References, Reference{Name: r.Name, Text: of.Schema.Schema})
		}
		return nil
	}
	return s, add(got.References)
}

// Texts are the texts of what the schema refers to.
func (s *Schema) Texts() []string {
	var t []string
	for _, r := range s.References {
		t = append(t, r.Text)
	}
	return slices.Clip(t)
}

// wording makes an error of what a registry says, or of its silence; unknown is the
// one where it has no such thing.
func (c *Client) wording(ctx context.Context, err error, unknown *sqlerr.Error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var own *sqlerr.Error
	if errors.As(err, &own) {
		return own
	}
	var re *sr.ResponseError
	if !errors.As(err, &re) {
		return sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "could not connect to the schema registry at %q: %w", c.url, err).
			WithHint("Check that a registry listens there; schemas that were read before are still known.")
	}
	switch re.StatusCode {
	case http.StatusNotFound:
		return &Unknown{unknown}
	case http.StatusUnauthorized, http.StatusForbidden:
		return sqlerr.Errorf(sqlerr.InvalidPassword, "the schema registry at %q refused the request: %s", c.url, re.Message).
			WithHint("Set schema.registry.username and schema.registry.password, or schema.registry.token.")
	case http.StatusConflict:
		return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the schema registry at %q refused the schema as incompatible: %s", c.url, re.Message).
			WithHint("Change the sink's columns so that those who read the older version can go on, or write to a new subject.")
	case http.StatusUnprocessableEntity:
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "the schema registry at %q refused the schema: %s", c.url, re.Message).
			WithHint("Check that the registry takes schemas of the sink's format, and has what the schema refers to.")
	}
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "the schema registry at %q answered %d: %s", c.url, re.StatusCode, re.Message).
		WithHint("Check the registry, and that schema.registry.url has the path under which it answers; schemas that were read before are still known.")
}
