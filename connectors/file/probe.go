package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ProbeSink is stream.Probing's: the folder must be there, and what is at the path a file
// that no other job of this process writes. The folders of a sink of many files are made
// as those begin: the first that is there must be one.
func (Connector) ProbeSink(_ context.Context, env *stream.Env, rel *catalog.Relation, id string) error {
	c, _, err := read(rel, stream.RoleSink)
	if err != nil {
		return err
	}
	if c.rolling() {
		path, err := object.Resolve(c.template.Expand(time.Now(), "0"), env.FileRoots)
		if err != nil {
			return err
		}
		return probeDirs(filepath.Dir(path))
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

// probeDirs is the error of makeDirs that is seen without making any.
func probeDirs(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist) && dir != filepath.Dir(dir):
		return probeDirs(filepath.Dir(dir))
	case err != nil:
		return object.PathError("open directory", dir, err)
	case !info.IsDir():
		return sqlerr.Errorf(sqlerr.WrongObjectType, "%q is not a directory", dir)
	}
	return nil
}

var _ stream.Probing = Connector{}
