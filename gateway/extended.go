package gateway

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// parse is the Parse message.
func (x *session) parse(d *decoder) error {
	name, text := d.string(), d.string()
	n := d.int16()
	given := make([]types.OID, 0, min(n, 64))
	for range n {
		given = append(given, types.OID(d.int32()))
		if d.err != nil {
			break
		}
	}
	if err := d.end(); err != nil {
		return err
	}
	x.activity.query(x, text)
	if name == "" {
		delete(x.prepared, "")
	}
	p := &prepared{name: name, text: text, given: given}
	if c := x.cachedPlan(x.plans.parseKey(text, given)); c != nil {
		p.statement, p.bound, p.snapshot, p.ready = c.statement, c.bound, c.snapshot, &c.ready
		x.notices(p.bound.Notices)
	} else if err := x.parseText(p); err != nil {
		return err
	}
	if p.ready == nil {
		p.ready = &exec.Ready{}
	}
	p.values = x.settings.current
	p.fields = x.fieldsOf(p.bound)
	if err := x.addPrepared(p); err != nil {
		return err
	}
	x.w.message('1')
	return nil
}

// parseText parses and binds the text of p.
func (x *session) parseText(p *prepared) error {
	statements, err := x.server.opts.Planner.Parse(p.text)
	if err != nil {
		return err
	}
	if len(statements) > 1 {
		return sqlerr.Errorf(sqlerr.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	if len(statements) == 0 {
		p.bound = emptyBound()
		return nil
	}
	p.statement = statements[0]
	err = x.statement(func(ctx context.Context) (err error) {
		p.bound, err = x.plan(ctx, p.statement, p.given)
		return err
	})
	if err != nil {
		return err
	}
	x.notices(p.bound.Notices)
	if x.txn.engine != nil {
		p.snapshot = x.txn.engine.Snapshot()
	}
	if key := x.plans.parseKey(p.text, p.given); key != nil {
		if c := x.cachePlan(string(key), p.text, p.statement, p.bound); c != nil {
			p.ready = &c.ready
		}
	}
	return nil
}

// bind is the Bind message.
func (x *session) bind(d *decoder) error {
	portalName, statementName := d.string(), d.string()
	if d.err != nil {
		return d.err
	}
	p, err := x.findPrepared(statementName)
	if err != nil {
		return err
	}
	formats := d.formats()
	n := d.int16()
	raw := make([][]byte, 0, min(n, 64))
	for range n {
		size := d.int32()
		var b []byte
		if size >= 0 {
			b = d.bytes(int(size))
			if b == nil {
				b = []byte{}
			}
		} else if size != -1 {
			d.fail("invalid message format")
		}
		if d.err != nil {
			break
		}
		raw = append(raw, b)
	}
	results := d.formats()
	if err := d.end(); err != nil {
		return err
	}
	x.activity.query(x, p.text)
	if len(formats) > 1 && len(formats) != n {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "bind message has %d parameter formats but %d parameters", len(formats), n)
	}
	if n != len(p.bound.Params) {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "bind message supplies %d parameters, but prepared statement %q requires %d", n, statementName, len(p.bound.Params))
	}
	if x.txn.failed && (!p.bound.Ends || n > 0) {
		return errAborted()
	}
	if x.txn.failed || p.bound.Ends || !x.isFresh(p) {
		err = x.statement(func(ctx context.Context) error { return x.refresh(ctx, p) })
		if err != nil {
			return err
		}
	}
	o := &portal{name: portalName, text: p.text, bound: p.bound, formats: results, columns: p.fields, enc: &p.enc, ready: p.ready}
	if !p.bound.Ends {
		x.begin()
	}
	if o.params, err = x.params(portalName, p.bound.Params, raw, formats); err != nil {
		return err
	}
	if len(results) > 1 && len(results) != len(p.fields) {
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "bind message has %d result formats but query has %d columns", len(results), len(p.fields))
	}
	for _, f := range results {
		if f != 0 && f != 1 {
			return badFormat(f)
		}
	}
	if err := x.addPortal(o); err != nil {
		return err
	}
	x.w.message('2')
	return nil
}

func badFormat(f int16) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "unsupported format code: %d", f)
}

// formats reads a list of format codes.
func (d *decoder) formats() []int16 {
	n := d.int16()
	if len(d.b) < 2*n {
		d.fail("insufficient data left in message")
		return nil
	}
	if n == 0 {
		return nil
	}
	f := make([]int16, n)
	for i := range f {
		f[i] = int16(d.int16())
	}
	return f
}

// params reads Bind's parameters as values of the statement's types.
func (x *session) params(portal string, ts []types.Type, raw [][]byte, formats []int16) ([]types.Value, error) {
	if len(ts) == 0 {
		return nil, nil
	}
	format := *x.format()
	format.Now = pgMicros(x.txn.start)
	out := make([]types.Value, len(ts))
	for i, t := range ts {
		t = wireType(t)
		if raw[i] == nil {
			out[i] = types.NullOf(t)
			continue
		}
		var err error
		code, form := formatOf(formats, i), raw[i]
		if c := x.charset(); c != nil {
			form, err = decodeParam(c, t, form, code)
		}
		switch {
		case err != nil:
		case code == 0:
			if err = types.CheckUTF8(form); err == nil {
				out[i], err = types.Parse(t, string(form), &format)
			}
		case code == 1:
			out[i], err = types.FromBinary(t, form, &format)
			if e := sqlerr.From(err); e != nil && e.Code == sqlerr.InvalidBinaryRepresentation {
				err = sqlerr.Errorf(e.Code, "incorrect binary data format in bind parameter %d", i+1)
			}
		default:
			err = badFormat(code)
		}
		if err != nil {
			return nil, inParameter(err, portal, i, form, code)
		}
	}
	return out, nil
}

// inParameter adds the CONTEXT that PostgreSQL gives a bad parameter.
func inParameter(err error, portal string, i int, raw []byte, format int16) error {
	e := *sqlerr.From(err)
	where := "unnamed portal"
	if portal != "" {
		where = fmt.Sprintf("portal %q", portal)
	}
	where += fmt.Sprintf(" parameter $%d", i+1)
	if format == 0 && utf8.Valid(raw) {
		// Parameters may be secrets; PostgreSQL does not show them either unless
		// it is told to.
		where += " = '...'"
	}
	e.Where = where
	return &e
}

// describe is the Describe message.
func (x *session) describe(d *decoder) error {
	kind, name := d.byte(), d.string()
	if err := d.end(); err != nil {
		return err
	}
	switch kind {
	case 'S':
		p, err := x.findPrepared(name)
		if err != nil {
			return err
		}
		if p.fields != nil {
			// The columns of a cursor, or of a statement that EXECUTE names, may
			// have changed since; so may the catalog.
			if err := x.statement(func(ctx context.Context) error { return x.refresh(ctx, p) }); err != nil {
				return err
			}
		}
		x.w.parameterDescription(p.bound.Params)
		if p.fields == nil {
			x.w.message('n')
			return nil
		}
		return x.w.rowDescription(p.fields, nil)
	case 'P':
		p := x.portals[name]
		if p == nil {
			return noPortal(name)
		}
		if x.txn.failed && p.columns != nil {
			return errAborted()
		}
		if p.columns == nil {
			x.w.message('n')
			return nil
		}
		return p.enc.describe(x.w, p.columns, p.formats)
	default:
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid DESCRIBE message subtype %d", kind)
	}
}

func noPortal(name string) error {
	return sqlerr.Errorf(sqlerr.InvalidCursorName, "portal %q does not exist", name)
}

// execute is the Execute message.
func (x *session) execute(d *decoder) error {
	name, limit := d.string(), d.int32()
	if err := d.end(); err != nil {
		return err
	}
	p := x.portals[name]
	if p == nil {
		return noPortal(name)
	}
	x.activity.query(x, p.text)
	if x.txn.failed && !p.bound.Ends && !isEmpty(p.bound) {
		return errAborted()
	}
	if p.done {
		return errCannotRun(name)
	}
	if p.stale != nil {
		return p.stale
	}
	x.reads(p)
	return x.statement(func(ctx context.Context) error { return x.executePortal(ctx, p, int64(max(limit, 0))) })
}

// startPortal runs a portal's statement for the first time.
func (x *session) startPortal(ctx context.Context, p *portal) error {
	out, err := x.runAsAltered(ctx, p.bound, p.params, p.ready, func(ctx context.Context) (*plan.Bound, error) {
		b, err := x.planText(ctx, p.text, p.bound.Params)
		if err == nil && !sameColumns(x.fieldsOf(b), p.columns) {
			err = errResultChanged()
		}
		return b, err
	})
	if err == nil {
		p.out = out
	}
	return err
}

func (x *session) executePortal(ctx context.Context, p *portal, limit int64) error {
	if p.out == nil {
		if err := x.startPortal(ctx, p); err != nil {
			return err
		}
		if out := p.out; out.rows != nil && out.rows.endless && limit == 0 {
			x.noticeLive()
		}
	}
	o := p.out
	if o.rows == nil {
		p.done = !o.empty
		x.complete(o, 0)
		return nil
	}
	x.interrupt.returnsRows()
	if o.copy != nil {
		n, err := x.copyOut(ctx, o)
		if err != nil {
			return err
		}
		p.done = true
		o.rows.close()
		x.complete(o, n)
		return nil
	}
	if o.enc == nil {
		o.enc = p.enc.get(x, o.fields, p.formats)
	}
	n, ended, err := x.sendRows(ctx, o.rows, limit, o.enc.write)
	if err != nil {
		return err
	}
	if !ended {
		x.w.message('s')
		return nil
	}
	x.complete(o, n)
	return nil
}

// closeMessage is the Close message. What does not exist closes too.
func (x *session) closeMessage(d *decoder) error {
	kind, name := d.byte(), d.string()
	if err := d.end(); err != nil {
		return err
	}
	switch kind {
	case 'S':
		delete(x.prepared, name)
	case 'P':
		x.dropPortal(name)
	default:
		return sqlerr.Errorf(sqlerr.ProtocolViolation, "invalid CLOSE message subtype %d", kind)
	}
	x.w.message('3')
	return nil
}

// sync ends a run of extended messages: outside a block, its transaction too.
func (x *session) sync() {
	x.skipping = false
	if !x.txn.block && x.txn.started {
		if err := x.statement(x.commit); err != nil {
			x.fail(err)
		}
	}
	x.dropPortalsAtSync()
	if !x.leaving {
		x.ready()
	}
}

// dropPortalsAtSync drops portals of statements that began no transaction.
func (x *session) dropPortalsAtSync() {
	if !x.txn.block && len(x.portals) > 0 {
		x.dropPortals(func(p *portal) bool { return !p.held })
	}
}
