package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
)

// optionFiles reads the files that config_file names, and the variables in declarations.
type optionFiles struct {
	root       string   // config.root; "": there is none
	allowedEnv []string // sql.allowed_env
}

// bind has a statement's binding use them.
func (f optionFiles) bind(c *bind.Context, b *binding) {
	c.ConfigFile, c.Expand = f.read, f.expand
	c.Settle = func(r *catalog.Relation, sink bool, file []catalog.FileOption) (catalog.Options, []string, error) {
		role := stream.RoleSource
		if sink {
			role = stream.RoleSink
		}
		return stream.Settle(b.find(r.Connector), role, r, file)
	}
}

// read are a file's options. The file is the server's, and so it may name any variable of
// the environment.
func (f optionFiles) read(path string) ([]catalog.FileOption, error) {
	all, err := config.OptionReader{Resolve: f.resolve, Variable: os.LookupEnv, Now: time.Now}.Read(path)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.FileOption, len(all))
	for i, o := range all {
		out[i] = catalog.FileOption{Option: catalog.Option{Key: o.Key, Value: o.Value}, Inherited: o.Inherited, Where: o.Where}
	}
	return out, nil
}

// resolve is a path under config.root, to which one that is not absolute is relative.
func (f optionFiles) resolve(path string) (string, error) {
	if f.root == "" {
		return "", sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for %q: there is no config.root", path).
			WithHint("Name the folder of such files in config.root of the server's configuration, or write the file's keys in the WITH list.")
	}
	full := strings.TrimPrefix(path, "file://")
	if !filepath.IsAbs(full) {
		full = filepath.Join(f.root, full)
	}
	resolved, err := object.Resolve(full, []string{f.root})
	if err != nil {
		return "", sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for %q: it is not under config.root", path).
			WithHint("Paths are relative to config.root of the server's configuration, and may not lead out of it.")
	}
	return resolved, nil
}

// expand puts in variables that sql.allowed_env names.
func (f optionFiles) expand(text string) (string, error) {
	var refused error
	r := config.OptionReader{Now: time.Now, Variable: func(name string) (string, bool) {
		if slices.Contains(f.allowedEnv, name) {
			return os.LookupEnv(name)
		}
		if name != "DATE" && name != "TIME" && refused == nil {
			refused = sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for the variable %s", name).
				WithHint("Name it in sql.allowed_env of the server's configuration, or write its value.")
		}
		return "", false
	}}
	value, err := r.Expand(text)
	if refused != nil {
		return "", refused
	}
	return value, err
}
