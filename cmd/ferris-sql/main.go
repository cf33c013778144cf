// Command ferris-sql is the gateway, its client, and its tools. main wires the
// packages; each subcommand is one file.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (Makefile).
var version = "0.1.0"

// errReported ends the process with status 1 after the command said why.
var errReported = errors.New("reported")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, "ferris-sql:", err)
		}
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ferris-sql",
		Short:         "Streaming SQL for any Postgres client",
		Long:          "FerrisStreams answers SQL over Kafka topics and files to any Postgres client:\nonce, or for ever, back over the wire or into sinks.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), devBrokerCommand(), sqlCommand(), backupCommand(), restoreCommand(), exportStateCommand(), importStateCommand(), userCommand(), manCommand())
	return root
}
