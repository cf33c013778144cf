package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/connectors"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/gateway"
	"github.com/ferrisstreams/ferrisstreams/gateway/rest"
	"github.com/ferrisstreams/ferrisstreams/notify"
	"github.com/ferrisstreams/ferrisstreams/state"
	"github.com/spf13/pflag"
)

// processOptions are the flags that `serve` and `sql --embedded` share.
type processOptions struct {
	dataDir string
	brokers string
}

func (o *processOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.dataDir, "data-dir", "", "folder of the catalog and state (serve: ./ferris-data; sql --embedded: none is kept)")
	f.StringVar(&o.brokers, "brokers", "", "brokers of a Kafka stream without bootstrap.servers (KAFKA_BROKERS)")
}

// start runs a process without listeners, for `sql --embedded`.
func (o *processOptions) start(ctx context.Context, log *slog.Logger) (*process, error) {
	c, err := config.Load("", os.Getenv)
	if err != nil {
		return nil, err
	}
	c.Storage.DataDir = o.dataDir
	if o.brokers != "" {
		c.Brokers = o.brokers
	}
	p, err := startProcess(ctx, c, o.dataDir == "", log)
	if err != nil {
		return nil, err
	}
	p.servePipe()
	return p, nil
}

// servePipe lets this process itself be a client of its gateway.
func (p *process) servePipe() {
	p.pipe = newPipeListener()
	served := make(chan struct{})
	p.served = served
	go func() {
		defer close(served)
		_ = p.gateway.Serve(p.pipe) // nil: a pipe fails by being closed
	}()
}

func quietLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// process is everything that one gateway consists of, wired.
type process struct {
	store   *state.Store
	tables  *table.Tables
	server  *pgcatalog.Server
	engine  *exec.Engine
	gateway *gateway.Server
	ready   atomic.Bool

	memory *memory.Account
	pipe   *pipeListener // of an embedded one
	served <-chan struct{}

	superuser string // the first administrator's name
}

// startProcess opens the store and the catalog, recovers jobs, and makes the
// gateway; nothing listens. inMemory: nothing is kept on disk.
func startProcess(ctx context.Context, c *config.Config, inMemory bool, log *slog.Logger) (p *process, err error) {
	limitMemory(c)
	if c.Storage.DataDir == "" && !inMemory {
		c.Storage.DataDir = "ferris-data"
	}
	dir := ""
	if !inMemory {
		if dir, err = filepath.Abs(c.Storage.DataDir); err != nil {
			return nil, fmt.Errorf("resolving the data directory: %w", err)
		}
		c.Storage.DataDir = dir
	}
	roots, err := c.FileRoots()
	if err != nil {
		return nil, err
	}
	account, err := processMemory(c)
	if err != nil {
		return nil, err
	}
	p = &process{superuser: c.Auth.Superuser}
	defer func() {
		if err != nil {
			p.close()
			p = nil
		}
	}()
	if dir != "" {
		dir = stateDir(dir)
	}
	if p.store, err = state.Open(state.Options{Dir: dir, InMemory: inMemory, Logger: log}); err != nil {
		return p, err
	}
	cat, err := catalog.Open(p.store, function.Builtins(), pgcatalog.Relations()...)
	if err != nil {
		return p, err
	}
	who, err := readAccess(c, os.Getenv, log)
	if err != nil {
		return p, err
	}
	if err := who.govern(cat); err != nil {
		return p, err
	}
	known := cat.Snapshot().Storages()
	p.tables, err = table.Open(p.store, table.Options{
		Known:  func(storage uint32) bool { return known[storage] },
		Budget: c.TableMemory(), Account: account, Logger: log,
	})
	if err != nil {
		return p, err
	}
	p.server = &pgcatalog.Server{}
	list := connectors.All()
	env := stream.Env{
		FileRoots:  roots,
		HTTPAllow:  c.HTTP.Allow,
		AllowedEnv: c.SQL.AllowedEnv,
		Brokers:    c.Brokers,
		ClientID:   "ferris-sql",
		Compile:    compileColumns(cat),
		Labels:     labelsOf(cat),
		Stdout:     os.Stdout,
		Notify:     notify.NewHub(notify.DefaultLimit),
		Metrics:    &stream.Metrics{},
	}
	if err := kafkaDefaults(c, &env); err != nil {
		return p, err
	}
	root, err := c.OptionRoot()
	if err != nil {
		return p, err
	}
	b := &binding{connectors: list, env: &env, tables: p.tables, files: optionFiles{root, c.SQL.AllowedEnv}}
	p.memory = account
	if err := p.memory.Reserve(state.Memory); err != nil {
		return p, fmt.Errorf("setting aside the state store's memory: %w", err)
	}
	p.engine, err = exec.New(exec.Options{
		ResolveFile: func(path string) (string, error) { return object.Resolve(path, roots) },
		Store:       p.store, Catalog: cat, Tables: p.tables, Connectors: list, Env: env, Server: p.server,
		Plan: b.planJob, QueryMemory: c.SQL.QueryMemoryLimitMB << 20, Checkpoint: c.Storage.CheckpointInterval, Logger: log,
		Memory:          p.memory,
		RestartAttempts: c.Jobs.MaxRestartAttempts, RestartDelay: c.Jobs.RestartDelay,
	})
	if err != nil {
		return p, err
	}
	b.engine = p.engine
	bindings := b.context()
	bindings.ExplicitTypes = c.SQL.RequireExplicitTypes
	p.gateway, err = gateway.New(gateway.Options{
		Engine: gateway.FromExec(p.engine), Planner: plannerAPI{}, Bind: bindings, Eval: evaluate, Version: version, Logger: log,
		MaxConnections: c.Server.MaxConnections, QueryMemory: c.SQL.QueryMemoryLimitMB << 20, Memory: account,
		Hub: env.Notify, Rules: who.rules, Roles: cat.Snapshot, TLS: who.tls,
	})
	if err != nil {
		return p, err
	}
	p.server.Sessions = p.gateway
	return p, p.engine.Start(ctx)
}

// processMemory is the account above all others, whose statements write to disk
// what they have no room for, unless that is switched off.
func processMemory(c *config.Config) (*memory.Account, error) {
	account := memory.New("the process", c.SQL.MaxMemoryMB<<20, memory.ProcessSetting)
	if !c.SQL.EnableSpillToDisk {
		return account, nil
	}
	dir, err := c.SpillDirectory()
	if err != nil {
		return nil, err
	}
	account.SpillTo(memory.NewDisk(dir, c.SQL.SpillLimitMB<<20), c.SQL.SpillThresholdRatio)
	return account, nil
}

// limitMemory tells the runtime its limit, unless GOMEMLIMIT does already, and
// collects more rarely where there is room.
func limitMemory(c *config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(c.SQL.MaxMemoryMB << 20)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// handler answers HTTP.
func (p *process) handler() http.Handler {
	return rest.New(rest.Options{Gateway: p.gateway, Engine: p.engine, Jobs: p.server.Jobs, Ready: p.ready.Load, Version: version})
}

// farewellLimit bounds how long clients may take to read that the server ends:
// one that does not read leaves the jobs the rest of drainLimit for their epochs.
const farewellLimit = 2 * time.Second

// drain closes clients and finishes the running epochs.
func (p *process) drain(ctx context.Context) error {
	farewell, cancel := context.WithTimeout(ctx, farewellLimit)
	defer cancel()
	return errors.Join(p.gateway.Shutdown(farewell), p.engine.Drain(ctx))
}

// close ends whatever runs. It may be called twice, and after drain.
func (p *process) close() {
	limit, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	if p.gateway != nil {
		_ = p.gateway.Shutdown(limit)
	}
	if p.engine != nil {
		_ = p.engine.Drain(limit)
	}
	if p.served != nil {
		<-p.served
		p.served = nil
	}
	if p.tables != nil {
		_ = p.tables.Close()
		p.tables = nil
	}
	if p.store != nil {
		_ = p.store.Close()
		p.store = nil
	}
}

// dial connects to an embedded gateway.
func (p *process) dial(ctx context.Context, _, _ string) (net.Conn, error) { return p.pipe.dial(ctx) }

// pipeListener is a listener without a network.
type pipeListener struct {
	conns  chan net.Conn // unbuffered: dial waits for Accept
	closed chan struct{}
	done   atomic.Bool
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	if l.done.CompareAndSwap(false, true) {
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
