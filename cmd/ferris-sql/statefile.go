package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// stateOptions are the flags of export-state and import-state.
type stateOptions struct{ dataDir, job, file string }

func (o *stateOptions) flags(cmd *cobra.Command, file, what string) {
	f := cmd.Flags()
	f.StringVar(&o.dataDir, "data-dir", "ferris-data", "folder of the catalog and state of the gateway that runs")
	f.StringVar(&o.job, "job-id", "", "name of the job")
	f.StringVar(&o.file, file, "", what)
	for _, name := range []string{"job-id", file} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // there is no such flag
		}
	}
}

func exportStateCommand() *cobra.Command {
	o := stateOptions{}
	cmd := &cobra.Command{
		Use:   "export-state --job-id JOB --output FILE",
		Short: "Write a job's state to a file, also while it runs",
		Long: "Writes what a job's operators keep, and how far it has read its streams, as of its last committed epoch, to a file, which import-state gives to a job of the same query. " +
			"The gateway of the data directory must run; the job may. FILE - is standard output.",
		Example: "  ferris-sql export-state --data-dir ./ferris-data --job-id totals --output totals.state",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.file == "-" {
				return exportState(cmd.Context(), o, cmd.OutOrStdout())
			}
			return wholeFile(o.file, func(to io.Writer) error { return exportState(cmd.Context(), o, to) })
		},
	}
	o.flags(cmd, "output", "file to write")
	return cmd
}

func importStateCommand() *cobra.Command {
	o := stateOptions{}
	cmd := &cobra.Command{
		Use:   "import-state --job-id JOB --input FILE",
		Short: "Give a job the state that a file has",
		Long: "Puts the state that export-state wrote in the place of that of a job, which must have the same query and be stopped; START JOB then goes on where the file ends. " +
			"The gateway of the data directory must run. The data directory and the job's parallelism may be others than the file's. FILE - is standard input.",
		Example: "  ferris-sql import-state --data-dir ./other-data --job-id totals --input totals.state",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from := cmd.InOrStdin()
			if o.file != "-" {
				f, err := os.Open(o.file)
				if err != nil {
					return err
				}
				defer f.Close()
				from = f
			}
			return askGateway(cmd.Context(), o, http.MethodPut, from, io.Discard)
		},
	}
	o.flags(cmd, "input", "file to read")
	return cmd
}

func exportState(ctx context.Context, o stateOptions, to io.Writer) error {
	return askGateway(ctx, o, http.MethodGet, nil, to)
}

// wholeFile writes a file whole or not at all.
func wholeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// gatewayClient speaks to the gateway that runs on a data directory, by the socket
// in it.
func gatewayClient(dataDir string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			path, done, err := socketPath(dataDir)
			if err != nil {
				return nil, err
			}
			defer done()
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
}

// askGateway sends a job's state to the gateway, or gets it.
func askGateway(ctx context.Context, o stateOptions, method string, from io.Reader, to io.Writer) error {
	client := gatewayClient(o.dataDir)
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway/state?job="+url.QueryEscape(o.job), from)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no gateway runs on %s: start it with ferris-sql serve --data-dir %s", o.dataDir, o.dataDir)
	}
	if err != nil {
		return fmt.Errorf("asking the gateway of %s: %w", o.dataDir, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return err
		}
		return errors.New(strings.TrimSpace(string(text)))
	}
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("reading from the gateway of %s: %w", o.dataDir, err)
	}
	return nil
}

// serveStates gives and takes jobs' states.
func (p *process) serveStates(mux *http.ServeMux, log *slog.Logger) {
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		sent := &sentWriter{ResponseWriter: w}
		err := p.engine.ExportState(r.Context(), r.URL.Query().Get("job"), sent)
		switch {
		case err != nil && sent.some:
			log.Warn("an export of a job's state was broken off", "error", err)
			panic(http.ErrAbortHandler) // so that the client does not take it for whole
		case err != nil:
			refuseState(w, err)
		}
	})
	mux.HandleFunc("PUT /state", func(w http.ResponseWriter, r *http.Request) {
		if err := p.takeState(r); err != nil {
			refuseState(w, err)
		}
	})
}

// takeState imports a request's state, which is read twice: it is kept in a file.
func (p *process) takeState(r *http.Request) (err error) {
	f, err := os.CreateTemp("", "ferris-state.*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := io.Copy(f, r.Body); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return p.engine.ImportState(r.Context(), r.URL.Query().Get("job"), f)
}

// refuseState answers with an error, its detail and its hint.
func refuseState(w http.ResponseWriter, err error) {
	e := sqlerr.From(err)
	text := err.Error()
	if e.Detail != "" {
		text += "\nDETAIL:  " + e.Detail
	}
	if e.Hint != "" {
		text += "\nHINT:  " + e.Hint
	}
	http.Error(w, text, http.StatusConflict)
}

// sentWriter notes whether anything was written.
type sentWriter struct {
	http.ResponseWriter
	some bool
}

func (s *sentWriter) Write(b []byte) (int, error) {
	s.some = true
	return s.ResponseWriter.Write(b)
}
