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
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ferrisstreams/ferrisstreams/state"
)

// A running gateway gives backups of itself over HTTP on a socket in its data
// directory, which nobody but the directory's owner can open.
const backupSocket = "backup.sock"

func backupCommand() *cobra.Command {
	dataDir := ""
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a data directory to a file, also while its gateway runs",
		Long: "Writes all that is committed in a data directory, as of one moment, to a file: the catalog, the tables, and each job's last epoch. " +
			"A gateway that runs on the directory goes on meanwhile; where none does, the directory is read itself. FILE - is standard output.",
		Example: "  ferris-sql backup --data-dir ./ferris-data monday.bak",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" {
				return backup(cmd.Context(), dataDir, cmd.OutOrStdout())
			}
			return backupTo(cmd.Context(), dataDir, args[0])
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "ferris-data", "folder of the catalog and state")
	return cmd
}

func restoreCommand() *cobra.Command {
	dataDir := ""
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory of a backup",
		Long: "Makes a data directory, which must not be there or be empty, of a file that backup wrote. FILE - is standard input. Jobs go on from the " +
			"epoch that the backup has; what their sinks were given since is given to them again, and a job whose topic has transactions of later epochs refuses to start.",
		Example: "  ferris-sql restore --data-dir ./restored monday.bak",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				from = f
			}
			return state.Restore(cmd.Context(), stateDir(dataDir), from)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data-dir", "ferris-data", "folder of the catalog and state")
	return cmd
}

// stateDir is the store's directory in a data directory.
func stateDir(dataDir string) string { return filepath.Join(dataDir, "state") }

// backupTo writes a backup whole or not at all.
func backupTo(ctx context.Context, dataDir, path string) error {
	return wholeFile(path, func(to io.Writer) error { return backup(ctx, dataDir, to) })
}

// backup asks the gateway that runs on a data directory, or reads the directory.
func backup(ctx context.Context, dataDir string, to io.Writer) error {
	if _, err := os.Stat(stateDir(dataDir)); err != nil {
		return fmt.Errorf("reading data directory %s: %w", dataDir, err)
	}
	client := gatewayClient(dataDir)
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway/backup", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return backupAtRest(ctx, dataDir, to)
	}
	if err != nil {
		return fmt.Errorf("asking the gateway of %s for a backup: %w", dataDir, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the gateway of %s for a backup: it answered %s", dataDir, res.Status)
	}
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("reading a backup from the gateway of %s: %w", dataDir, err)
	}
	return nil
}

func backupAtRest(ctx context.Context, dataDir string, to io.Writer) error {
	s, err := state.Open(state.Options{Dir: stateDir(dataDir)})
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(ctx, to), s.Close())
}

// socketPath names the socket in a data directory. A path of a socket may have
// little more than a hundred bytes, so where the system has /proc it goes by the
// directory's descriptor, which done closes.
func socketPath(dataDir string) (path string, done func(), err error) {
	d, err := os.Open(dataDir)
	if err != nil {
		return "", nil, err
	}
	at := fmt.Sprintf("/proc/self/fd/%d", d.Fd())
	if _, err := os.Stat(at); err != nil {
		at = dataDir
	}
	return filepath.Join(at, backupSocket), func() { _ = d.Close() }, nil
}

// serveBackups gives backups until the function it returns is called.
func (p *process) serveBackups(dataDir string, log *slog.Logger) (stop func(context.Context) error, err error) {
	path, done, err := socketPath(dataDir)
	if err != nil {
		return nil, fmt.Errorf("listening for backups: %w", err)
	}
	// The directory is this process's alone: what is there was left by a dead one.
	_ = os.Remove(path)
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		done()
		return nil, fmt.Errorf("listening for backups: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backup", func(w http.ResponseWriter, r *http.Request) {
		if err := p.store.Backup(r.Context(), w); err != nil {
			log.Warn("a backup was broken off", "error", err)
			panic(http.ErrAbortHandler) // so that the client does not take it for whole
		}
	})
	p.serveStates(mux, log)
	p.serveUsers(mux)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("backups are no longer served", "error", err)
		}
	}()
	return func(ctx context.Context) error {
		err := s.Shutdown(ctx)
		if err != nil {
			err = s.Close()
		}
		<-ended
		done()
		return err
	}, nil
}
