// Package connectors is the list of what streams can be read from and written
// to. Adding one is its package and a line here.
package connectors

import (
	"github.com/ferrisstreams/ferrisstreams/connectors/blackhole"
	"github.com/ferrisstreams/ferrisstreams/connectors/database"
	"github.com/ferrisstreams/ferrisstreams/connectors/file"
	"github.com/ferrisstreams/ferrisstreams/connectors/generator"
	"github.com/ferrisstreams/ferrisstreams/connectors/http"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
	"github.com/ferrisstreams/ferrisstreams/connectors/notify"
	"github.com/ferrisstreams/ferrisstreams/connectors/s3"
	"github.com/ferrisstreams/ferrisstreams/connectors/stdout"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// All returns every connector.
func All() []stream.Connector {
	return []stream.Connector{
		kafka.Connector{},
		file.Connector{},
		generator.Connector{},
		blackhole.Connector{},
		stdout.Connector{},
		notify.Connector{},
		database.Connector{},
		s3.Connector{},
		http.Connector{},
	}
}
