// Package s3 reads and writes objects of an S3 store: Amazon's, or any other that
// speaks its protocol. How records lie in an object, and how it is read, is the file
// connector's. A sink streams parts of objects while an epoch runs and completes them
// after it is decided, so that each row is there once.
package s3

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/file"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Connector is S3's.
type Connector struct{}

// Name is 's3'.
func (Connector) Name() string { return "s3" }

var (
	both = []stream.Option{
		{Key: "path", Help: "s3://bucket/key; of a source also a pattern with * ** ? [ ], or a folder, which ends in /; of a sink a template"},
		{Key: "bucket", Help: "the bucket, where path does not name it"},
		{Key: "prefix", Help: "with bucket: what keys begin with; a pattern, or of a sink a template, as path"},
		{Key: "endpoint", Help: "the URL of the store, which http.allow must name; without it Amazon's of the region"},
		{Key: "region", Help: "the region; without it what the store says, us-east-1 where there is an endpoint"},
		{Key: "path_style", Default: "auto", Help: "true: the bucket is in the path of a URL, false: in its host; auto: in the path unless the endpoint is Amazon's"},
		{Key: "credentials", Default: "auto", Help: "keys, environment, file (the shared credentials file), iam (a web identity, or the role of the container or machine), anonymous; auto: keys where they are given, else the first that is set up of environment, web identity, file, container and machine"},
		{Key: "access_key_id", Help: "the access key"},
		{Key: "secret_access_key", Help: "its secret"},
		{Key: "session_token", Help: "its token, where it is a temporary one"},
		{Key: "profile", Help: "which profile of the shared credentials file; without it AWS_PROFILE, or default"},
		{Key: "sse", Default: "none", Help: "how objects are encrypted there: none (as the bucket does it), aes256 (SSE-S3), kms (SSE-KMS) or customer (SSE-C, which reading needs too)"},
		{Key: "sse.kms_key_id", Help: "kms: the key; without it the store's own"},
		{Key: "sse.customer_secret_key", Help: "customer: the key, 32 bytes in base64"},
		{Key: "tls.ca_file", Help: "a file of certificate authorities, under file.roots; without it the system's"},
		{Key: "request_timeout", Default: "30s", Help: "how long the store may be silent before a request is tried again"},
		{Key: "request_retries", Default: "4", Help: "how often a request is tried again, with growing waits, before the job waits"},
	}
	sourceOptions = slices.Concat(both, []stream.Option{
		{Key: "follow", Default: "false", Help: "true: go on with the objects that come to be"},
		{Key: "poll_interval", Default: "10s", Help: "with follow: the wait before objects are listed again"},
	}, file.RecordOptions(stream.RoleSource))
)

// Options lists what S3 takes.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSink {
		return sinkOptions
	}
	return sourceOptions
}

// PseudoColumns are a record's place, as a file's.
func (Connector) PseudoColumns() []catalog.Column {
	return []catalog.Column{
		{Name: "_key", Type: types.Of(types.Text), Comment: "NULL"},
		{Name: "_partition", Type: types.Of(types.Int4), Comment: "the object's number, from 0"},
		{Name: "_offset", Type: types.Of(types.Int8), Comment: "the byte where the record begins; in an Avro container or a Parquet file the record's number, from 0"},
		{Name: "_timestamp", Type: types.Of(types.Timestamptz), Comment: "when the object was last modified"},
		{Name: "_headers", Type: types.Of(types.JSONB), Comment: "NULL"},
		{Name: "_file", Type: types.Of(types.Text), Comment: "the object's URL"},
	}
}

// Hidden is stream.Revealing's, as a file's.
func (c Connector) Hidden(rel *catalog.Relation) []catalog.Column {
	if json.TellsChanges(rel) {
		return append(c.PseudoColumns(), json.ChangeColumns()...)
	}
	return c.PseudoColumns()
}

// ChangeKey is stream.ChangeKeyed's, as a file's.
func (Connector) ChangeKey(_ *stream.Env, rel *catalog.Relation) (stream.ChangeKey, error) {
	return file.ChangeKey(rel), nil
}

// source reads the options of a relation that is read.
func source(env *stream.Env, rel *catalog.Relation) (config, *stream.Values, error) {
	v, err := stream.ReadOptions(rel, stream.RoleSource, sourceOptions)
	if err != nil {
		return config{}, nil, err
	}
	c, err := readConfig(env, rel, v)
	if err != nil {
		return c, nil, err
	}
	c.follow, c.poll = v.Bool("follow"), v.Duration("poll_interval")
	if err := c.checkPattern(); err != nil {
		return c, nil, err
	}
	return c, v, v.Err()
}

func (c *config) elsewhere(store *store) file.Elsewhere {
	return file.Elsewhere{Store: store, Pattern: c.url(c.key), Follow: c.follow}
}

// Check validates the declaration; nothing is connected to.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	if role == stream.RoleSink {
		c, v, err := sinkConfig(env, rel)
		if err != nil {
			return err
		}
		if err := (&sink{config: c, rel: rel}).read(v); err != nil {
			return err
		}
		return file.Elsewhere{Store: &store{config: c}, Pattern: c.key}.CheckSink(env, v, rel)
	}
	c, v, err := source(env, rel)
	if err != nil {
		return err
	}
	return c.elsewhere(&store{config: c}).Check(env, v, rel)
}

// Source opens the relation for reading, and lists its objects.
func (Connector) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	c, v, err := source(env, rel)
	if err != nil {
		return nil, err
	}
	st, err := newStore(c)
	if err != nil {
		return nil, err
	}
	return c.elsewhere(st).Source(ctx, env, rel, v)
}

// Inferrer tells columns from the first records, and from folders.
func (Connector) Inferrer(env *stream.Env) stream.SchemaInferrer { return inferrer{env} }

type inferrer struct{ env *stream.Env }

// Infer is stream.SchemaInferrer's.
func (i inferrer) Infer(ctx context.Context, rel *catalog.Relation) ([]catalog.Column, error) {
	c, v, err := source(i.env, rel)
	if err != nil {
		return nil, err
	}
	st, err := newStore(c)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	return c.elsewhere(st).Infer(ctx, i.env, rel, v)
}

// isPattern reports whether a key is a pattern.
func isPattern(key string) bool { return strings.ContainsAny(key, "*?[") }

// Feeds reports whether the source reads what the sink writes.
func (Connector) Feeds(_ context.Context, env *stream.Env, sink, of *catalog.Relation) (string, bool) {
	to, _, err := sinkConfig(env, sink)
	if err != nil {
		return "", false
	}
	from, _, err := source(env, of)
	if err != nil || from.host != to.host || from.bucket != to.bucket {
		return "", false
	}
	n, err := newNaming(to.key)
	if err != nil {
		return "", false
	}
	now := time.Now()
	key := n.key("", now, now)
	if exact := !from.raw && !isPattern(from.key); exact || !strings.HasPrefix(key, from.literal()) || !(&store{config: from}).meant(key) {
		return "", false
	}
	return "objects of \"" + to.url(to.key) + "\"", true
}

// Pushed are the conditions, where the objects are Parquet: row groups that have no such
// row are not fetched. A store itself takes none.
func (Connector) Pushed(rel *catalog.Relation, _ []int, filters []plan.Expr) []plan.Expr {
	if !file.RowGroups(rel) {
		return nil
	}
	return filters
}
