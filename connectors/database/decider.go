package database

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// decider is the transactions of a job in one database: an epoch's rows, in all the
// tables that its sinks there write, and a row of the progress table that names the
// epoch. That row has a number of whoever writes, which each start raises: who was
// there before finds another number and can decide nothing any more.
type decider struct {
	config  *config
	tx      *transaction
	job, id string
	idle    time.Duration // that a transaction may stand still
	fence   int64
	once    sync.Once
}

// CheckDecider is stream.Transactional's.
func (Connector) CheckDecider(env *stream.Env, sinks []*catalog.Relation, _ stream.DeciderOptions) error {
	_, err := sharedConfig(env, sinks)
	return err
}

// sharedConfig reads the options of sinks that are to share a transaction.
func sharedConfig(env *stream.Env, sinks []*catalog.Relation) (*config, error) {
	var first *config
	for _, rel := range sinks {
		c, err := read(env, rel, stream.RoleSink)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = c
			continue
		}
		if first.progress != c.progress {
			return nil, sqlerr.Unsupported("Write the same progress.table on both: their rows are one transaction.",
				"sinks %q and %q of one transaction with different progress.table are not supported", first.rel.Name, rel.Name)
		}
	}
	return first, nil
}

// Cluster is stream.Clustered's: sinks of one database, reached alike, share a
// transaction.
func (Connector) Cluster(env *stream.Env, r *catalog.Relation) (string, error) {
	c, err := read(env, r, stream.RoleSink)
	if err != nil {
		return "", err
	}
	s := c.server
	return fmt.Sprintf("%T %q %q %q %q %q %q %v", s.dialect, s.hosts, s.ports, s.database, s.user, s.password, c.progress, s.parameters), nil
}

// Decider is stream.Transactional's.
func (Connector) Decider(env *stream.Env, sinks []*catalog.Relation, o stream.DeciderOptions) (stream.Decider, error) {
	c, err := sharedConfig(env, sinks)
	if err != nil {
		return nil, err
	}
	return &decider{config: c, tx: &transaction{config: c}, job: o.Job, id: o.ID, idle: max(time.Minute, 4*o.Checkpoint)}, nil
}

// Ask is stream.Decider's. The row waits for a transaction of the job that is being
// committed at this moment; what is left open otherwise is ended by the server, when
// its connection is, or when it stands still.
func (d *decider) Ask(ctx context.Context) (stream.Decision, error) {
	var dec stream.Decision
	if err := d.tx.connect(ctx); err != nil {
		return dec, err
	}
	err := d.tx.on(func(conn session) error {
		if err := conn.patience(ctx, d.idle); err != nil {
			return err
		}
		p := d.config.server.dialect.progress(d.config.progress)
		if err := d.makeTable(ctx, conn, p); err != nil {
			return err
		}
		row, err := p.raise(ctx, conn, d.id, d.job)
		if err != nil {
			return err
		}
		var n [3]int64
		if len(row) != len(n) {
			return sqlerr.Errorf(sqlerr.DataCorrupted, "table %q of %s has %d values for job %q", d.config.progress, d.config.server, len(row), d.job)
		}
		for i := range n {
			if n[i], err = strconv.ParseInt(row[i], 10, 64); err != nil {
				return sqlerr.Errorf(sqlerr.DataCorrupted, "table %q of %s is none of progress: %q", d.config.progress, d.config.server, row[i])
			}
		}
		dec = stream.Decision{Epoch: stream.Epoch(n[0]), Version: uint64(n[1])}
		d.fence = n[2]
		return nil
	})
	return dec, d.config.failure(fmt.Sprintf("reading the progress of job %q", d.job), err)
}

// makeTable makes the progress table where it is not there; another job may do so at
// the same time.
func (d *decider) makeTable(ctx context.Context, conn session, p progress) error {
	there := false
	err := conn.rows(ctx, p.there, 1, func([][]byte) error { there = true; return nil })
	if err != nil || there {
		return err
	}
	_, err = conn.exec(ctx, p.create)
	if f := d.config.server.dialect.fault(err); f != nil {
		switch f.code {
		case sqlerr.UniqueViolation, sqlerr.DuplicateTable, sqlerr.DuplicateObject:
			return nil // the other one has made it
		}
	}
	return err
}

// Decide is stream.Decider's.
func (d *decider) Decide(ctx context.Context, dec stream.Decision) error {
	doing := fmt.Sprintf("committing epoch %d of job %q", dec.Epoch, d.job)
	err := d.tx.on(func(conn session) error {
		if err := d.tx.begun(ctx, conn); err != nil {
			return err
		}
		table := d.config.progress
		dialect := d.config.server.dialect
		n, err := conn.exec(ctx, fmt.Sprintf("UPDATE %s SET epoch = %d, version = %d, changed = %s WHERE id = %s AND fence = %d",
			d.config.sql(table), dec.Epoch, dec.Version, dialect.progress(table).now, dialect.literal(d.id), d.fence))
		if err != nil {
			return err
		}
		if n != 1 {
			return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q was shut out of %s: another instance of it has begun to write", d.job, d.config.server).
				WithHint("One job's state must be run by one process: a copy of its data directory is in use. Stop that, then START JOB %s.", d.job)
		}
		switch err := conn.commit(ctx); {
		case sqlerr.CodeOf(err) == sqlerr.InFailedSQLTransaction:
			return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s has undone the transaction of job %q", d.config.server, d.job)
		case err != nil:
			return err
		}
		d.tx.open = false
		return nil
	})
	return d.config.failure(doing, err)
}

// Close is stream.Decider's: the server undoes what is open.
func (d *decider) Close() error {
	d.once.Do(d.tx.close)
	return nil
}

func (d *decider) String() string {
	return fmt.Sprintf("table %q of %s", d.config.progress, d.config.server)
}

var (
	_ stream.Transactional = Connector{}
	_ stream.Clustered     = Connector{}
)
