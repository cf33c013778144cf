package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/pgcopy"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// copyIn is COPY FROM STDIN: it asks the client for its data and inserts the rows
// as they come.
func (x *session) copyIn(ctx context.Context, s *plan.CopyFrom, params []types.Value) (*outcome, error) {
	if err := x.mayWrite("COPY FROM", s.Target); err != nil {
		return nil, err
	}
	engine := x.begin()
	x.prepareEngine(engine)
	x.txn.queried = true
	all := s.Target.AllColumns()
	columns := make([]catalog.Column, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = all[c]
	}
	o := s.Options
	in := &copyData{x: x}
	reader := pgcopy.NewReader(pgcopy.Options{
		Format: o.Format, Delimiter: firstByte(o.Delimiter, '\t'), Quote: firstByte(o.Quote, '"'), Escape: firstByte(o.Escape, '"'),
		Null: o.Null, Default: o.Default, Header: o.Header, HeaderMatch: o.HeaderMatch, ForceNull: o.ForceNull, ForceNotNull: o.ForceNotNull,
		HasDefault: o.HasDefault, Encoding: x.copyEncoding(o.Format, o.Encoding), MaxRow: int(min(x.server.opts.QueryMemory, 1<<30)),
	}, s.Target.Name, columns, x.format(), in.next)
	response := pgproto3.CopyInResponse{ColumnFormatCodes: make([]uint16, len(columns))}
	if o.Format == "binary" {
		response.OverallFormat = 1
		for i := range response.ColumnFormatCodes {
			response.ColumnFormatCodes[i] = 1
		}
	}
	x.w.encode(&response)
	x.w.flush()
	n, err := engine.CopyIn(ctx, s, reader, x.env(ctx, engine.Snapshot(), params))
	if err == nil {
		err = in.rest(ctx)
	}
	in.recycle()
	if err != nil {
		return nil, err
	}
	return &outcome{tag: fmt.Sprintf("COPY %d", n)}, nil
}

// copyData reads CopyData messages until the client ends them.
type copyData struct {
	x    *session
	body []byte // of the last message, which the reader may still look at
	done bool
}

// next returns the bytes of the next CopyData; io.EOF after CopyDone.
func (c *copyData) next(ctx context.Context) ([]byte, error) {
	c.recycle()
	for !c.done {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		m, err := c.x.in.next(time.Time{})
		switch {
		case errors.Is(err, errPoked):
			c.x.endForgotten()
			continue // notifications wait for the statement's end
		case errors.Is(err, errStopped):
			return nil, errShutdown()
		case err != nil:
			return nil, err
		}
		if m.tooLong > 0 {
			return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "message of %d bytes exceeds the limit of %d", m.tooLong, c.x.server.opts.MaxMessageBytes)
		}
		switch m.kind {
		case 'd':
			c.body = m.body
			return m.body, nil
		case 'c':
			c.done = true
		case 'f':
			c.done = true
			d := c.x.decoder(m.body)
			return nil, sqlerr.Errorf(sqlerr.QueryCanceled, "COPY from stdin failed: %s", d.string())
		case 'H', 'S':
			// Ignored, as the protocol says.
		default:
			c.done = true
			if m.kind == 'X' {
				c.x.leaving = true
			}
			return nil, sqlerr.Errorf(sqlerr.ProtocolViolation, "unexpected message type 0x%02X during COPY from stdin", m.kind)
		}
		recycle(m.body)
	}
	return nil, io.EOF
}

// rest reads what the client sends after the end of the data.
func (c *copyData) rest(ctx context.Context) error {
	for {
		if _, err := c.next(ctx); err != nil {
			if err == io.EOF { //nolint:errorlint // next returns it as it is
				return nil
			}
			return err
		}
	}
}

func (c *copyData) recycle() {
	if c.body != nil {
		recycle(c.body)
		c.body = nil
	}
}
