package systems

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/conformance"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
	"github.com/ferrisstreams/ferrisstreams/connectors"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// connector is the listed one of a name.
func connector(name string) stream.Connector {
	all := connectors.All()
	return all[slices.IndexFunc(all, func(c stream.Connector) bool { return c.Name() == name })]
}

// s3Options are those that every stream and sink of a store has.
func s3Options(endpoint string, more ...string) []string {
	return append([]string{"endpoint", endpoint, "access_key_id", objects.Key, "secret_access_key", objects.Secret}, more...)
}

// TestS3Conformance puts the s3 connector through what every connector keeps to.
func TestS3Conformance(t *testing.T) {
	server := objects.Start(t)
	n := 0
	conformance.Run(t, connector("s3"), func(t *testing.T, c stream.Connector) *conformance.Fixture {
		n++
		bucket := fmt.Sprintf("conformance-%d", n)
		server.Bucket(t, bucket)
		var lines strings.Builder
		for i := range conformance.Rows {
			fmt.Fprintf(&lines, "{\"id\":%d}\n", i)
			if i%1700 == 0 || i == conformance.Rows-1 { // in several objects
				server.Put(t, bucket, fmt.Sprintf("in/%05d.json", i), lines.String())
				lines.Reset()
			}
		}
		path := "s3://" + bucket
		source := s3Options(server.URL(), "path", path+"/in/")
		f := &conformance.Fixture{
			Source:    conformance.Declare(c, "s", catalog.Stream, source...),
			Rows:      conformance.Rows,
			Sink:      conformance.Declare(c, "k", catalog.Sink, s3Options(server.URL(), "path", path+"/out/", "format", "json")...),
			Env:       &stream.Env{HTTPAllow: []string{"127.0.0.1"}},
			TakesBack: true,
			Holds: func(t *testing.T) []int64 {
				if left := server.Uploads(t, bucket); len(left) > 0 {
					t.Errorf("uploads are left: %q", left)
				}
				all := server.All(t, bucket, "out/")
				var lines strings.Builder
				for _, key := range slices.Sorted(maps.Keys(all)) {
					lines.Write(all[key])
				}
				return conformance.IDs(t, lines.String())
			},
		}
		for i := 0; i < len(source); i += 2 {
			f.Required = append(f.Required, catalog.Option{Key: source[i], Value: source[i+1]})
		}
		return f
	})
}
