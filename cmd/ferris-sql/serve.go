package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/spf13/cobra"
)

// drainLimit bounds the end after SIGTERM: epochs are finished, clients told.
// What is then cut short, sinks whose brokers do not answer among it, needs up to
// four seconds more, and the whole is to take ten at most.
const drainLimit = 5 * time.Second

// serveOptions are the flags of `serve`; a flag that is given overrides the
// configuration's key.
type serveOptions struct {
	config        string
	listen        string
	http          string
	metrics       string
	logFormat     string
	dev           bool
	devBroker     string
	insecureTrust bool
	process       processOptions
}

func serveCommand() *cobra.Command {
	o := &serveOptions{}
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run the gateway",
		Example: "  ferris-sql serve --dev\n  ferris-sql serve --data-dir /var/lib/ferris --brokers kafka-1:9092,kafka-2:9092",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.load(cmd)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, o, cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "YAML configuration")
	f.StringVar(&o.listen, "listen", "", "address of the Postgres wire (127.0.0.1:7432)")
	f.StringVar(&o.http, "http", "", "address of /health, /ready and /metrics (127.0.0.1:8080)")
	f.StringVar(&o.metrics, "metrics", "", "a further address of the same endpoints")
	f.StringVar(&o.logFormat, "log-format", "", "text or json (text)")
	f.BoolVar(&o.dev, "dev", false, "start an embedded broker, and feed and declare sample streams")
	f.StringVar(&o.devBroker, "dev-broker", "127.0.0.1:9092", "address of the embedded broker")
	f.BoolVar(&o.insecureTrust, "insecure-trust-remote", false, "allow trust authentication beyond loopback")
	o.process.flags(f)
	return cmd
}

// load reads the configuration and lays the flags over it.
func (o *serveOptions) load(cmd *cobra.Command) (*config.Config, error) {
	c, err := config.Load(o.config, os.Getenv)
	if err != nil {
		return nil, err
	}
	set := func(flag string, to *string, value string) {
		if cmd.Flags().Changed(flag) {
			*to = value
		}
	}
	set("listen", &c.Server.Listen, o.listen)
	set("http", &c.Server.HTTP, o.http)
	set("metrics", &c.Server.Metrics, o.metrics)
	set("log-format", &c.Server.LogFormat, o.logFormat)
	set("data-dir", &c.Storage.DataDir, o.process.dataDir)
	set("brokers", &c.Brokers, o.process.brokers)
	c.Server.InsecureTrustRemote = c.Server.InsecureTrustRemote || o.insecureTrust
	if f := c.Server.LogFormat; f != "text" && f != "json" {
		return nil, fmt.Errorf("--log-format %q: expected text or json", f)
	}
	return c, nil
}

func newLogger(format string, w io.Writer) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// serve runs until ctx ends, and then drains.
func serve(ctx context.Context, c *config.Config, o *serveOptions, logs io.Writer) error {
	log := newLogger(c.Server.LogFormat, logs)
	topics := "" // where the embedded broker keeps them
	switch {
	case !o.dev:
	case c.Storage.DataDir != "":
		topics = filepath.Join(c.Storage.DataDir, "dev-broker")
	default:
		dir, err := os.MkdirTemp("", "ferris-dev")
		if err != nil {
			return fmt.Errorf("making a data directory: %w", err)
		}
		defer os.RemoveAll(dir)
		c.Storage.DataDir = dir
	}
	if o.dev {
		broker, err := kafka.StartBroker(kafka.BrokerOptions{Addr: o.devBroker, DataDir: topics})
		if err != nil {
			return fmt.Errorf("starting the embedded broker on %s: %w", o.devBroker, err)
		}
		defer broker.Close()
		stop, err := kafka.FeedSamples(ctx, broker, kafka.SampleOptions{})
		if err != nil {
			return fmt.Errorf("feeding sample topics: %w", err)
		}
		defer stop()
		c.Brokers = broker.Addr()
		log.Info("embedded broker", "address", broker.Addr())
	}
	p, err := startProcess(ctx, c, false, log)
	if err != nil {
		return err
	}
	defer p.close()
	p.servePipe()
	if o.dev {
		if err := declareSamples(ctx, p, logs); err != nil {
			return fmt.Errorf("declaring sample streams: %w", err)
		}
	}
	return p.serve(ctx, c, log)
}

// serve listens, says so, and returns when everything has ended.
func (p *process) serve(ctx context.Context, c *config.Config, log *slog.Logger) error {
	wire, err := net.Listen("tcp", c.Server.Listen)
	if err != nil {
		return fmt.Errorf("listening for Postgres clients: %w", err)
	}
	failed := make(chan error, 3) // one a listener: none of them blocks
	var servers []*http.Server
	for _, addr := range []string{c.Server.HTTP, c.Server.Metrics} {
		if addr == "" {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			wire.Close()
			return fmt.Errorf("listening for HTTP: %w", err)
		}
		s := &http.Server{Handler: p.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
		servers = append(servers, s)
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving HTTP on %s: %w", l.Addr(), err)
			}
		}()
	}
	stopBackups, err := p.serveBackups(c.Storage.DataDir, log)
	if err != nil {
		wire.Close()
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.gateway.Serve(wire); err != nil {
			failed <- fmt.Errorf("serving Postgres clients: %w", err)
		}
	}()
	p.ready.Store(true)
	log.Info("ready", "postgres", wire.Addr().String(), "http", c.Server.HTTP, "data_dir", c.Storage.DataDir)
	if err := releaseStartPages(); err != nil {
		log.Warn("the memory of the start was not given back", "error", err)
	}

	var result error
	select {
	case <-ctx.Done():
	case result = <-failed:
	}
	log.Info("draining")
	p.ready.Store(false)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := p.drain(limit); err != nil {
		// No failure: what was cut short is undone, and done again at the next start.
		log.Warn("the drain was cut short: epochs that had not ended are run again at the next start", "error", err)
	}
	<-done
	for _, s := range servers {
		result = errors.Join(result, s.Shutdown(limit))
	}
	result = errors.Join(result, stopBackups(limit))
	if result == nil {
		log.Info("ended")
	}
	return result
}
