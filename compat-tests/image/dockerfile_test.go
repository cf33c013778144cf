// Package image checks the Dockerfile with BuildKit's own lint, which is what
// `docker build --check` runs. It is a module of its own, so that BuildKit does
// not stand among the product's dependencies.
package image

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/opencontainers/go-digest"
)

// resolver answers every image with an empty configuration: the lint asks a
// registry for the base images otherwise.
type resolver struct{}

func (resolver) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers"}}`), nil
}

func check(t *testing.T, dockerfile []byte) *lint.LintResults {
	t.Helper()
	def, err := llb.Scratch().Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", dockerfile)
	source.Definition = def
	results, err := dockerfile2llb.DockerfileLint(t.Context(), dockerfile, dockerfile2llb.ConvertOpt{SourceMap: source, MetaResolver: resolver{}})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	results := check(t, text)
	if results.Error != nil {
		t.Errorf("Dockerfile: %s", results.Error.Message)
	}
	for _, w := range results.Warnings {
		t.Errorf("Dockerfile: %s: %s", w.RuleName, w.Detail)
	}
}

// TestLintFinds shows that the lint is alive.
func TestLintFinds(t *testing.T) {
	results := check(t, []byte("from debian as Build\nENV KEY value\nCMD echo hi\n"))
	if len(results.Warnings) < 3 {
		t.Errorf("%d findings in a file that has several: %+v", len(results.Warnings), results)
	}
}
