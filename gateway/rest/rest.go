// Package rest answers HTTP: /health and /ready for probes, /metrics for
// Prometheus. The numbers come from plain counters that the gateway, the engine
// and the connectors keep; only this package knows Prometheus.
package rest

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/gateway"
)

// Engine is what the metrics read of the engine.
type Engine interface{ Metrics() *stream.Metrics }

// Options say what there is to tell of. Each but Ready may be nil.
type Options struct {
	Gateway *gateway.Server
	Engine  Engine
	Jobs    pgcatalog.Jobs
	// Ready reports whether the process takes statements.
	Ready   func() bool
	Version string
}

// New returns the handler.
func New(o Options) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newCollector(o),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		// Whoever can answer at all is alive.
		answer(w, http.StatusOK, status{Status: "ok", Version: o.Version})
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !o.Ready() {
			answer(w, http.StatusServiceUnavailable, status{Status: "not ready", Version: o.Version})
			return
		}
		answer(w, http.StatusOK, status{Status: "ready", Version: o.Version})
	})
	mux.HandleFunc("/sql", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, failure{
			Error: "SQL over HTTP is not supported",
			Hint:  "Connect with a Postgres client, or run ferris-sql sql.",
		})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, failure{
			Error: "there is nothing at " + r.URL.Path,
			Hint:  "The paths are /health, /ready and /metrics.",
		})
	})
	return mux
}

type status struct {
	Status  string `json:"status"`
	Version string `json:"version,omitempty"`
}

type failure struct {
	Error string `json:"error"`
	Hint  string `json:"hint"`
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// A client that has gone is nobody's error.
	_ = json.NewEncoder(w).Encode(body)
}
