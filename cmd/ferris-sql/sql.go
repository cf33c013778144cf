package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// sqlOptions are the flags of `sql`.
type sqlOptions struct {
	url      string
	command  string
	embedded bool
	format   string
	limit    int
	process  processOptions
}

func sqlCommand() *cobra.Command {
	o := &sqlOptions{}
	cmd := &cobra.Command{
		Use:   "sql [FILE]",
		Short: "Run statements, and print their rows as they come",
		Long: "Runs statements from -c, a file, or standard input against a gateway, or with --embedded inside this process: " +
			"it then also waits for the jobs that they start.",
		Example: "  ferris-sql sql -c 'SELECT 1'\n" +
			"  ferris-sql sql --format csv -c 'SELECT * FROM trades EMIT CHANGES'\n" +
			"  ferris-sql sql --embedded report.sql",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := o.text(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), text, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "postgres://127.0.0.1:7432/ferris?sslmode=disable", "the gateway's address")
	f.StringVarP(&o.command, "command", "c", "", "statements to run")
	f.BoolVar(&o.embedded, "embedded", false, "run without a gateway, inside this process")
	f.StringVar(&o.format, "format", "table", "table, csv or json-lines")
	f.IntVar(&o.limit, "limit", 0, "stop after this many rows; 0: no limit")
	o.process.flags(f)
	return cmd
}

func (o *sqlOptions) text(stdin io.Reader, args []string) (string, error) {
	switch {
	case o.command != "" && len(args) > 0:
		return "", errors.New("-c and a file exclude each other")
	case o.command != "":
		return o.command, nil
	case len(args) > 0:
		b, err := os.ReadFile(args[0])
		return string(b), err
	}
	b, err := io.ReadAll(stdin)
	return string(b), err
}

// run sends the text as one simple query and prints each result.
func (o *sqlOptions) run(ctx context.Context, text string, out, notices io.Writer) error {
	config, err := pgconn.ParseConfig(o.url)
	if err != nil {
		return fmt.Errorf("reading --url: %w", err)
	}
	if !strings.Contains(o.url, "@") && os.Getenv("PGUSER") == "" {
		config.User = "ferris"
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "ferris-sql"
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		fmt.Fprintf(notices, "%s:  %s\n", n.Severity, n.Message)
		if n.Detail != "" {
			fmt.Fprintf(notices, "DETAIL:  %s\n", n.Detail)
		}
		if n.Hint != "" {
			fmt.Fprintf(notices, "HINT:  %s\n", n.Hint)
		}
	}
	started := func() error { return nil }
	if o.embedded {
		p, err := o.process.start(ctx, quietLogger())
		if err != nil {
			return err
		}
		defer p.close()
		useEmbedded(config, p)
		before := p.engine.Started()
		started = func() error { return waitJobs(ctx, p, before, notices) }
	}
	printCopies(config, out)
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	print, err := newPrinter(o.format, out)
	if err != nil {
		return err
	}
	results := conn.Exec(ctx, text)
	for results.NextResult() {
		if done, err := o.result(ctx, results.ResultReader(), print); err != nil {
			return report(notices, text, err)
		} else if done {
			return nil
		}
	}
	err = results.Close()
	if ctx.Err() != nil {
		return nil // interrupted: what came was printed
	}
	if err != nil {
		return report(notices, text, err)
	}
	return started()
}

// waitJobs waits for the jobs that the statements have started: they run in this
// process, and what they have not done by its end is not done.
func waitJobs(ctx context.Context, p *process, before []string, notices io.Writer) error {
	var failed error
	for _, name := range p.engine.Started() {
		if slices.Contains(before, name) {
			continue
		}
		if err := p.engine.Wait(ctx, name); err != nil && ctx.Err() == nil {
			failed = report(notices, "", &pgconn.PgError{Severity: "ERROR", Code: string(sqlerr.CodeOf(err)), Message: err.Error()})
		}
	}
	return failed
}

// useEmbedded connects to a gateway in this process.
func useEmbedded(config *pgconn.Config, p *process) {
	config.DialFunc = p.dial
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.Fallbacks, config.TLSConfig = nil, nil
}

// result prints one statement's rows; done: the row limit is reached.
func (o *sqlOptions) result(ctx context.Context, rr *pgconn.ResultReader, p *printer) (done bool, err error) {
	fields := rr.FieldDescriptions()
	names, types := make([]string, len(fields)), make([]uint32, len(fields))
	for i, f := range fields {
		names[i], types[i] = f.Name, f.DataTypeOID
	}
	p.begin(names, types)
	rows := 0
	for rr.NextRow() {
		p.row(rr.Values())
		if err := p.Err(); err != nil {
			return false, fmt.Errorf("printing rows: %w", err)
		}
		if rows++; o.limit > 0 && rows >= o.limit {
			p.end("")
			return true, nil
		}
	}
	tag, err := rr.Close()
	if ctx.Err() != nil {
		err = nil
	}
	p.end(tag.String())
	return false, err
}

// report prints a server's error as psql does, with the place in the text.
func report(w io.Writer, text string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	fmt.Fprintf(w, "%s:  %s: %s\n", pg.Severity, pg.Code, pg.Message)
	if line, column, source := place(text, int(pg.Position)); source != "" {
		head := fmt.Sprintf("LINE %d: ", line)
		fmt.Fprintf(w, "%s%s\n%s^\n", head, source, strings.Repeat(" ", len(head)+column))
	}
	if pg.Detail != "" {
		fmt.Fprintf(w, "DETAIL:  %s\n", pg.Detail)
	}
	if pg.Hint != "" {
		fmt.Fprintf(w, "HINT:  %s\n", pg.Hint)
	}
	return errReported
}

// place finds the line that holds character pos (from 1) of a text.
func place(text string, pos int) (line, column int, source string) {
	if pos < 1 || pos > utf8.RuneCountInString(text)+1 {
		return 0, 0, ""
	}
	runes := []rune(text)
	before := string(runes[:pos-1])
	line = strings.Count(before, "\n") + 1
	start := strings.LastIndexByte(before, '\n') + 1
	column = utf8.RuneCountInString(before[start:])
	rest := text[start:]
	if i := bytes.IndexByte([]byte(rest), '\n'); i >= 0 {
		rest = rest[:i]
	}
	return line, column, strings.ReplaceAll(rest, "\t", " ")
}
