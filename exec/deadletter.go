package exec

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// letter is a record or row that failed, on its way to where its job keeps such.
type letter struct {
	origin     string // the topic or path that it was read from; "": several
	split      string
	at         int64 // in the split; -1: unknown, and so is the split
	key, value []byte
	err        error
	time       time.Time
	of         *catalog.Relation // that the row was read from; nil: several, or unknown
}

// letterBox is a sink for dead letters, and those that wait for it. It is one of
// the job's sinks: its letters are in the epoch of the rows that they were read
// with.
type letterBox struct {
	job      string
	relation *catalog.Relation
	raw      bool // it writes records as they came
	pool     *batchPool
	task     *sinkTask

	mu      sync.Mutex // sinks refuse rows in goroutines of their own
	waiting []letter
}

// lettersFull is how many letters wait for more to come.
const lettersFull = 256

func lettersOf(o catalog.Options) (string, error) {
	v, ok := o.Get("dead_letter")
	if ok && strings.TrimSpace(v) == "" {
		return "", badOption("dead_letter", v, "a stream, sink or topic, or a path")
	}
	return v, nil
}

// add has a letter written with the epoch that runs.
func (b *letterBox) add(l letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, l)
}

// flush gives the sink what waits, where that is at least some letters.
func (b *letterBox) flush(ctx context.Context, fails <-chan error, least int) error {
	b.mu.Lock()
	if len(b.waiting) < least || len(b.waiting) == 0 {
		b.mu.Unlock()
		return nil
	}
	letters := b.waiting
	b.waiting = nil
	b.mu.Unlock()
	for len(letters) > 0 {
		n := min(len(letters), vec.MaxRows)
		s := newShared(b.batch(letters[:n]), b.pool, 1)
		letters = letters[n:]
		if err := b.task.send(ctx, fails, work{kind: workWrite, rows: s}); err != nil {
			return err
		}
	}
	return nil
}

// batch makes rows of the box's columns.
func (b *letterBox) batch(letters []letter) *vec.Batch {
	out := b.pool.get()
	for i := range letters {
		row := letters[i].fields(b.job)
		if b.raw {
			row = letters[i].record(b.job)
		}
		for c, v := range row {
			vec.Append(out.Cols[c], v)
		}
		out.Rows++
	}
	return out
}

// rawColumns are those of a sink of stream.DeadLetters.
var rawColumns = []catalog.Column{
	{Name: "value", Type: types.Of(types.Bytea)}, {Name: "_key", Type: types.Of(types.Bytea)}, {Name: "_headers", Type: types.Of(types.JSONB)},
}

// record is a letter as a record with headers.
func (l *letter) record(job string) []types.Value {
	var h []byte
	add := func(name, value string) {
		h = append(types.AppendJSONString(append(h, ','), name), ':')
		h = types.AppendJSONString(h, strings.ToValidUTF8(strings.ReplaceAll(value, "\x00", ""), "\ufffd"))
	}
	add("ferris.job", job)
	if l.origin != "" {
		add("ferris.topic", l.origin)
	}
	if l.at >= 0 {
		add("ferris.partition", l.split)
		add("ferris.offset", strconv.FormatInt(l.at, 10))
	}
	add("ferris.error", l.err.Error())
	add("ferris.code", string(sqlerr.CodeOf(l.err)))
	add("ferris.time", l.time.UTC().Format("2006-01-02T15:04:05.000000Z"))
	h[0] = '{'
	return []types.Value{bytesOrNull(l.value), bytesOrNull(l.key), {Type: types.Of(types.JSONB), S: string(append(h, '}'))}}
}

// fieldColumns are those of every other sink. What is not UTF-8 is base64, in a
// column of its own.
var fieldColumns = []catalog.Column{
	{Name: "job", Type: types.Of(types.Text)}, {Name: "topic", Type: types.Of(types.Text)}, {Name: "partition", Type: types.Of(types.Text)},
	{Name: "offset", Type: types.Of(types.Int8)}, {Name: "error", Type: types.Of(types.Text)}, {Name: "code", Type: types.Of(types.Text)},
	{Name: "time", Type: types.Of(types.Timestamptz)}, {Name: "key", Type: types.Of(types.Text)}, {Name: "key_base64", Type: types.Of(types.Text)},
	{Name: "value", Type: types.Of(types.Text)}, {Name: "value_base64", Type: types.Of(types.Text)},
}

// fields is a letter as a row.
func (l *letter) fields(job string) []types.Value {
	text := func(s string) types.Value {
		return types.Value{Type: types.Of(types.Text), S: strings.ToValidUTF8(s, "\ufffd")}
	}
	none := types.NullOf(types.Of(types.Text))
	either := func(b []byte) (plain, encoded types.Value) {
		switch {
		case b == nil:
			return none, none
		case utf8.Valid(b):
			return text(string(b)), none
		}
		return none, text(base64.StdEncoding.EncodeToString(b))
	}
	origin, split, at := none, none, types.NullOf(types.Of(types.Int8))
	if l.origin != "" {
		origin = text(l.origin)
	}
	if l.at >= 0 {
		split, at = text(l.split), types.Value{Type: types.Of(types.Int8), I: l.at}
	}
	key, key64 := either(l.key)
	value, value64 := either(l.value)
	return []types.Value{text(job), origin, split, at, text(l.err.Error()), text(string(sqlerr.CodeOf(l.err))),
		{Type: types.Of(types.Timestamptz), I: microsSince2000(l.time)}, key, key64, value, value64}
}

func bytesOrNull(b []byte) types.Value {
	if b == nil {
		return types.NullOf(types.Of(types.Bytea))
	}
	return types.Value{Type: types.Of(types.Bytea), S: string(b)}
}

// flushLetters gives the dead letters that wait to their sinks, where there are at
// least some for one.
func (l *life) flushLetters(ctx context.Context, least int) error {
	for _, b := range l.boxes {
		if err := b.flush(ctx, l.fails, least); err != nil {
			return err
		}
	}
	return nil
}

// hasLetters reports whether dead letters wait for the epoch that runs to end.
func (l *life) hasLetters() bool {
	for _, b := range l.boxes {
		b.mu.Lock()
		waiting := len(b.waiting)
		b.mu.Unlock()
		if waiting > 0 {
			return true
		}
	}
	return slices.ContainsFunc(l.sinks, func(s *sinkTask) bool {
		staged, ok := s.sink.(*stagedSink)
		return ok && staged.refuses()
	})
}
