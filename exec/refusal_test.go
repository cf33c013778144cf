package exec

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// TestRefusals: what the connectors say of a refusal becomes the pinned texts,
// and none of it is lost.
func TestRefusals(t *testing.T) {
	dial := sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "could not connect to Kafka at %q: %w", "b:1", fmt.Errorf("dial: %w", syscall.ECONNREFUSED)).WithHint("Check.")
	open := object.PathError("open", "/x.json", &fs.PathError{Op: "open", Path: "/x.json", Err: syscall.EACCES})
	for _, c := range []struct {
		err          error
		text, detail string
		code         sqlerr.Code
		hint         string
	}{
		{jobError("my-job", "data sources", "source_0_orders", dial),
			"Job 'my-job' failed to create data sources: Failed to create source 'source_0_orders': Connection refused",
			`could not connect to Kafka at "b:1": dial: connection refused`, sqlerr.UnableToEstablishConnection, "Check."},
		{jobError("my-job", "sinks", "sink_1_file", open),
			"Job 'my-job' failed to create sinks: Failed to create sink 'sink_1_file': Permission denied",
			`could not open file "/x.json": Permission denied`, sqlerr.InsufficientPrivilege, ""},
		{jobError("j", "sinks", "sink_0_x", sqlerr.Errorf(sqlerr.DiskFull, "full").WithDetail("d")),
			"Job 'j' failed to create sinks: Failed to create sink 'sink_0_x': full", "d", sqlerr.DiskFull, ""},
	} {
		e := sqlerr.From(c.err)
		if e.Message != c.text || e.Detail != c.detail || e.Code != c.code || e.Hint != c.hint {
			t.Errorf("%s: %q, detail %q, hint %q; want %s: %q, detail %q, hint %q", e.Code, e.Message, e.Detail, e.Hint, c.code, c.text, c.detail, c.hint)
		}
	}
}
