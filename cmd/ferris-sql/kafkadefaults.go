package main

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// kafkaDefaults has the settings of kafka count in every relation of Kafka. The error of
// one says where it stands.
func kafkaDefaults(c *config.Config, env *stream.Env) error {
	options := make([]catalog.Option, len(c.Kafka))
	for i, o := range c.Kafka {
		options[i] = catalog.Option{Key: o.Key, Value: o.Value}
	}
	check := func(options []catalog.Option) *sqlerr.Error {
		env.Kafka = options
		return sqlerr.From(kafka.CheckDefaults(env))
	}
	failed := check(options)
	if failed == nil {
		return nil
	}
	where := "the settings of kafka"
	for i := range options {
		// Without the one that is at fault it is another error, or none.
		rest := append(options[:i:i], options[i+1:]...)
		if e := check(rest); e == nil || e.Message != failed.Message {
			where = c.Where(c.Kafka[i])
			break
		}
	}
	return fmt.Errorf("reading the configuration %s: %w: %s", where, failed, failed.Hint)
}
