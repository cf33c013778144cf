package file

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ProbeSink is stream.Probing's: the folder must be there, and what is at the path a file
// that no other job of this process writes.
func (Connector) ProbeSink(_ context.Context, env *stream.Env, rel *catalog.Relation, id string) error {
	c, _, err := read(rel, stream.RoleSink)
	if err != nil {
		return err
	}
	if c.rolling() || strings.ContainsAny(filepath.Dir(c.path), "{}") {
		return nil // its folders are made as files begin
	}
	path, err := object.Resolve(c.path, env.FileRoots)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return unopened(path, err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a regular file", path)
	}
	if by := writers.job(path); by != "" && by != id {
		return busy(path)
	}
	return nil
}

var _ stream.Probing = Connector{}
