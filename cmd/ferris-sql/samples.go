package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/jackc/pgx/v5/pgconn"
)

// declareSamples makes a stream over each topic that the development broker is
// fed with.
func declareSamples(ctx context.Context, p *process, w io.Writer) error {
	config, err := pgconn.ParseConfig("postgres://ferris@embedded/ferris?sslmode=disable")
	if err != nil {
		return err
	}
	useEmbedded(config, p)
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var names []string
	for _, s := range kafka.Samples {
		sql := fmt.Sprintf("CREATE STREAM IF NOT EXISTS %s %s WITH (type = 'kafka', topic = '%s', 'watermark.idle_timeout' = '2s')", s.Topic, s.Columns, s.Topic)
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("declaring %s: %w", s.Topic, err)
		}
		names = append(names, s.Topic)
	}
	fmt.Fprintf(w, "sample streams: %s\n", strings.Join(names, ", "))
	return nil
}
