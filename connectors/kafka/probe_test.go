package kafka

import (
	"net"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestProbeSink: a job is told at once of brokers that do not answer, and not of a topic
// that is made when its sink is opened.
func TestProbeSink(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	for _, topic := range []string{"t", "not_there"} {
		rel := relation(topic)
		rel.Kind = catalog.Sink
		if err := (Connector{}).ProbeSink(t.Context(), b.env(), rel, ""); err != nil {
			t.Errorf("topic %s: %v", topic, err)
		}
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	rel := relation("t", "bootstrap.servers", gone.Addr().String())
	rel.Kind = catalog.Sink
	if err := (Connector{}).ProbeSink(t.Context(), b.env(), rel, ""); sqlerr.CodeOf(err) != sqlerr.UnableToEstablishConnection {
		t.Errorf("brokers that nobody runs: %v, want %s", err, sqlerr.UnableToEstablishConnection)
	}
}
