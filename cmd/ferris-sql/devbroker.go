package main

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/spf13/cobra"
)

func devBrokerCommand() *cobra.Command {
	var listen, dataDir string
	var samples bool
	cmd := &cobra.Command{
		Use:   "dev-broker",
		Short: "Run the Kafka-compatible development broker alone",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := kafka.StartBroker(kafka.BrokerOptions{Addr: listen, DataDir: dataDir})
			if err != nil {
				return fmt.Errorf("starting the broker on %s: %w", listen, err)
			}
			defer broker.Close()
			if samples {
				stop, err := kafka.FeedSamples(cmd.Context(), broker, kafka.SampleOptions{})
				if err != nil {
					return fmt.Errorf("feeding sample topics: %w", err)
				}
				defer stop()
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "a Kafka-compatible broker listens at %s\n", broker.Addr())
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9092", "address")
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "folder that keeps topics; empty: memory")
	cmd.Flags().BoolVar(&samples, "samples", false, "feed the sample topics")
	return cmd
}
