package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/changelog"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// encoder appends one row. An error is the row's own.
type encoder interface {
	Append(dst []byte, b *vec.Batch, row int) ([]byte, error)
}

// lines are CSV's.
type lines struct{ of *csv.Encoder }

func (l lines) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return l.of.Append(dst, b, row), nil
}

// bound is an encoder that looks at a batch once, and in which every row has a form.
type bound interface {
	Bind(b *vec.Batch)
	Row(dst []byte, b *vec.Batch, row int) []byte
}

// objects are JSON's.
type objects struct{ *json.Encoder }

func (o objects) Append(dst []byte, b *vec.Batch, row int) ([]byte, error) {
	return o.Encoder.Append(dst, b, row), nil
}

// sink produces rows as they come and waits for the brokers at Prepare: at least
// once. What an epoch that rolls back has produced stays in the topic.
type sink struct {
	config  *config
	client  *kgo.Client
	metrics *stream.Metrics
	encoder encoder       // nil: the one column itself
	key     *json.Encoder // nil: no key
	keyCol  int           // the one key column; -1: key is an encoder's object
	keyText func([]byte, vec.Vec, int) []byte
	keyCols []int
	keyRow  vec.Batch
	values  []int // columns that the value has
	row     vec.Batch
	timeCol int                      // the column _timestamp, -1: none
	headers int                      // the column _headers, -1: none
	only    bool                     // append: a delete is refused
	keyed   *catalog.Relation        // a stream with a PRIMARY KEY, the columns of which are keyCols; nil: none is
	gone    bool                     // rows bring the keys of a keyed stream: what else is all NULL is a tombstone
	changes *changelog.Epoch[beside] // of an epoch's rows; nil: rows go out as they come
	flow    *flow

	mu     sync.Mutex
	failed error // the first record that could not be delivered
	close  sync.Once
}

// Sink opens the topic for writing. A topic that is not there is made where the
// brokers do that by themselves.
func (Connector) Sink(ctx context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) (stream.Sink, error) {
	c, _, err := read(rel, stream.RoleSink, env)
	if err != nil {
		return nil, err
	}
	if o.Changelog && c.changelog == "append" {
		return nil, sqlerr.Unsupported("Leave changelog out to write the row that each key has, or set it to 'ops' to write every change with its _op.",
			"%s %q takes appended rows only, and the query updates rows", roleOf(rel), rel.Name)
	}
	s := &sink{config: c, metrics: env.Metrics, keyCol: -1, timeCol: -1, headers: -1, only: !o.Changelog}
	if err := s.encoders(ctx, env, rel, o); err != nil {
		return nil, err
	}
	if o.Decider != nil {
		return s.within(ctx, o)
	}
	s.flow = &flow{}
	if s.client, err = c.dial(env, append(c.producer(s.timeCol >= 0), kgo.WithHooks(s.flow))...); err != nil {
		return nil, err
	}
	if err := s.ready(ctx, o.Create); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func roleOf(rel *catalog.Relation) string {
	if rel.Kind == catalog.Stream {
		return "stream"
	}
	return "sink"
}

// encoders compiles how a row becomes a record. A column _key is the record's
// key, _timestamp its timestamp and _headers its headers; none is in its value. A
// stream's PRIMARY KEY is the key of its records, but where the rows bring one.
func (s *sink) encoders(ctx context.Context, env *stream.Env, rel *catalog.Relation, o stream.SinkOptions) error {
	c := s.config
	op := o.Changelog && c.changelog == "ops"
	var value []catalog.Column
	keys := c.keyOf(rel)
	if o.Changelog && !op && !c.keyGiven(rel) {
		keys = o.Key
	}
	if o.Changelog && !op && len(keys) == 0 && !c.keyGiven(rel) && !c.debezium() {
		return c.keyless(rel)
	}
	for i, col := range rel.Columns {
		switch {
		case col.Name == "_key" && besideValue(col) && len(keys) == 0:
			s.keyCol, s.keyText = i, vec.TextAppender(col.Type, types.DefaultFormat())
			if col.Type.OID == types.Bytea {
				s.keyText = appendWhole
			}
		case col.Name == "_timestamp" && besideValue(col):
			s.timeCol = i
		case col.Name == "_headers" && besideValue(col):
			s.headers = i
		case col.Name == "_partition", col.Name == "_offset", col.Name == "_headers":
			return sqlerr.Unsupported("Leave it out, or write it under another name.", "column %q of %q cannot be written to a topic", col.Name, rel.Name)
		default:
			s.values, value = append(s.values, i), append(value, col)
		}
	}
	s.row.Cols = make([]vec.Vec, len(s.values))
	switch c.format {
	case formatJSON, formatDebeziumJSON:
		s.encoder = objects{json.NewEncoder(value, json.EncodeOptions{QuoteDecimals: c.quoteDecimals, Op: op, Labels: env.Labels})}
	case formatCSV:
		s.encoder = lines{csv.NewEncoder(value, csv.EncodeOptions{Delimiter: c.csv.Delimiter, Quote: c.csv.Quote, Null: c.csv.Null, Op: op, Labels: env.Labels})}
	case formatAvro, formatDebeziumAvro:
		var err error
		if s.encoder, err = c.avroEncoder(ctx, env, rel, value, op); err != nil {
			return err
		}
	case formatJSONSchema:
		var err error
		if s.encoder, err = c.jsonSchemaEncoder(ctx, env, rel, value, op); err != nil {
			return err
		}
	case formatProtobuf:
		var err error
		if s.encoder, err = c.protobufEncoder(ctx, env, rel, value, op); err != nil {
			return err
		}
	default:
		if op {
			return sqlerr.Unsupported("Write format 'json' or 'csv'.", "format %q of sink %q cannot hold changes", c.format, rel.Name)
		}
		if t := c.whole(value); t != "" {
			return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "format %q of sink %q makes a record of one column: %s", c.format, rel.Name, t).
				WithHint("Select one column of type text or bytea, or write format 'json'.")
		}
	}
	var cols []catalog.Column
	for _, k := range keys {
		i := column(rel, k)
		if i < 0 {
			return sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q, the key of sink %q, does not exist", k, rel.Name).
				WithHint("The columns are %s.", strings.Join(names(rel.Columns), ", "))
		}
		cols, s.keyCols = append(cols, rel.Columns[i]), append(s.keyCols, i)
	}
	format := types.DefaultFormat()
	format.Enum = env.Labels
	switch {
	case len(cols) == 1:
		s.keyCol, s.keyText = s.keyCols[0], vec.TextAppender(cols[0].Type, format)
		if c.keyBytes && cols[0].Type.OID == types.Bytea {
			s.keyText = appendWhole
		}
	case len(cols) > 1:
		s.key = json.NewEncoder(cols, json.EncodeOptions{Labels: env.Labels})
		s.keyRow.Cols = make([]vec.Vec, len(cols))
	}
	if len(rel.Key) > 0 {
		s.keyed, s.gone = rel, len(keys) == 0
	}
	return s.enveloped(rel, o, op)
}

// enveloped has rows that change, and those of a format of changes, written as such.
func (s *sink) enveloped(rel *catalog.Relation, o stream.SinkOptions, op bool) error {
	var e changelog.Envelope
	switch s.config.format {
	case formatDebeziumJSON:
		e = json.AppendChange
	case formatDebeziumAvro:
		e = s.encoder.(*avro.ChangeEncoder).AppendChange
	}
	switch {
	case e != nil && s.gone:
		return sqlerr.Unsupported("Start a job whose query no longer has the row.",
			"taking a row of stream %q away by its _key is not supported with format %q, whose records say what the row was", rel.Name, s.config.format)
	case o.Changelog && !op:
		s.changes = s.config.newChanges(e)
	case e != nil:
		s.encoder = &inserted{row: s.encoder, envelope: e}
	}
	return nil
}

// whole says why the columns do not make a record as they are, "" where they do.
func (c *config) whole(cols []catalog.Column) string {
	if len(cols) != 1 {
		return fmt.Sprintf("it has %d", len(cols))
	}
	switch cols[0].Type.OID {
	case types.Text, types.Varchar, types.Bytea, types.JSON, types.JSONB:
		return ""
	}
	return fmt.Sprintf("%q is %s", cols[0].Name, types.FormatType(cols[0].Type))
}

func names(cols []catalog.Column) []string {
	n := make([]string, len(cols))
	for i := range cols {
		n[i] = cols[i].Name
	}
	return n
}

// ready waits until the brokers know the topic. create: it is made where they do
// not do that by themselves.
func (s *sink) ready(ctx context.Context, create bool) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	_, missing := s.config.details(ctx, s.client)
	if sqlerr.CodeOf(missing) != sqlerr.UndefinedTable {
		return missing
	}
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(s.config.topic)
	req.Topics = append(req.Topics, t)
	// The answer of the first request may be that a leader is not elected yet.
	for try := range 10 {
		resp, err := req.RequestWith(ctx, s.client)
		if err != nil {
			return s.config.unreachable(ctx, err)
		}
		err = missing
		for _, t := range resp.Topics {
			err = kerr.ErrorForCode(t.ErrorCode)
		}
		if err == nil {
			return nil
		}
		if !kerr.IsRetriable(err) || errors.Is(err, kerr.UnknownTopicOrPartition) && try > 2 {
			if !create {
				return missing
			}
			create = false
			if err := s.config.create(ctx, s.client); err != nil {
				return err
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return missing
}

func live(b *vec.Batch, i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

func isNull(v vec.Vec, row int) bool {
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	return v.Nulls().Get(row)
}

// timestamp is the row's, the zero time (which is the present) where it is NULL.
func timestamp(v vec.Vec, row int) time.Time {
	if isNull(v, row) {
		return time.Time{}
	}
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	return time.UnixMicro(v.(*vec.Fixed[int64]).Values[row] - types.UnixEpoch)
}

// keyMissing is the error of a row of a keyed stream without its key, or of a row
// that changes by its key.
func (s *sink) keyMissing(b *vec.Batch, row int) error {
	if s.keyed == nil {
		if s.changes != nil && s.changes.Envelope == nil && s.key == nil && isNull(b.Cols[s.keyCol], row) {
			return sqlerr.Errorf(sqlerr.NotNullViolation, "null value in the key of topic %q", s.config.topic).
				WithHint("A row that changes is found by its key. Leave those without one out (WHERE ... IS NOT NULL), give them one (coalesce(..., '')), or write each change with its _op: changelog = 'ops'.")
		}
		return nil
	}
	if s.gone && isNull(b.Cols[s.keyCol], row) {
		return stream.NullValue(s.keyed, "_key")
	}
	for _, c := range s.keyCols {
		if isNull(b.Cols[c], row) {
			return stream.NullValue(s.keyed, s.keyed.Columns[c].Name)
		}
	}
	return nil
}

// empty reports whether the value of a row has nothing.
func (s *sink) empty(row int) bool {
	for _, v := range s.row.Cols {
		if !isNull(v, row) {
			return false
		}
	}
	return true
}

func (s *sink) appendKey(dst []byte, b *vec.Batch, row int) []byte {
	switch {
	case s.key != nil:
		for i, c := range s.keyCols {
			s.keyRow.Cols[i] = b.Cols[c]
		}
		s.keyRow.Rows = b.Rows
		return s.key.Append(dst, &s.keyRow, row)
	case s.keyCol >= 0 && !isNull(b.Cols[s.keyCol], row):
		v := b.Cols[s.keyCol]
		if c, ok := v.(*vec.Const); ok {
			v, row = c.Of, 0
		}
		return s.keyText(dst, v, row)
	}
	return dst
}

func appendWhole(dst []byte, v vec.Vec, row int) []byte {
	if c, ok := v.(*vec.Const); ok {
		v, row = c.Of, 0
	}
	if v.Nulls().Get(row) {
		return dst
	}
	return append(dst, v.(*vec.Bytes).At(row)...)
}

// delivered hears of each record. It runs on the client's goroutine.
func (s *sink) delivered(_ *kgo.Record, err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

func (s *sink) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		return nil
	}
	if errors.Is(s.failed, kgo.ErrRecordTimeout) || errors.Is(s.failed, context.DeadlineExceeded) {
		return s.late(s.failed)
	}
	return s.config.topicError(s.failed)
}

// late is the error of records that no broker took in time.
func (s *sink) late(err error) error {
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "could not deliver records to topic %q on Kafka at %q within %v: %w", s.config.topic, s.config.server(), s.config.delivery, err)
}

// Prepare waits until the brokers have acknowledged every record.
func (s *sink) Prepare(ctx context.Context, _ stream.Epoch) ([]byte, error) {
	if s.changes != nil {
		s.let(ctx, true)
	}
	flush, cancel := context.WithTimeout(ctx, max(s.config.delivery, time.Second))
	defer cancel()
	if err := s.client.Flush(flush); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("flushing records to topic %q: %w", s.config.topic, err)
		}
		return nil, s.late(err)
	}
	return []byte{}, s.failure()
}

// Lasting is stream.Lasting's.
func (s *sink) Lasting() {}

// Settled is stream.Settled's.
func (s *sink) Settled() {}

// Commit does nothing: the records are in the topic since Prepare.
func (s *sink) Commit(context.Context, stream.Epoch, []byte) error { return nil }

// Rollback drops what is not yet sent, and forgets failures. Records that are
// under way to brokers that do not answer end only with the client: it is then
// closed, and of no use any more.
func (s *sink) Rollback(ctx context.Context, _ stream.Epoch, _ []byte) error {
	if s.changes != nil {
		s.changes.Reset()
	}
	abort, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := s.client.AbortBufferedRecords(abort)
	if err != nil && ctx.Err() == nil {
		s.flow.over.Store(true)
		s.close.Do(s.client.Close)
		err = nil
	}
	s.mu.Lock()
	s.failed = nil
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("dropping records for topic %q: %w", s.config.topic, err)
	}
	return nil
}

// closeTimeout bounds how long Close and Rollback wait for records that nobody
// prepared.
const closeTimeout = time.Second

func (s *sink) Close() error {
	s.flow.over.Store(true)
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		_ = s.client.AbortBufferedRecords(ctx) // they belong to no prepared epoch
		s.client.Close()
	})
	return nil
}
