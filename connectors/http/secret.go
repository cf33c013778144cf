package http

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// longestSecret bounds a file that has a secret.
const longestSecret = 64 << 10

// secret is the value of a key, of KEY_env or of KEY_file. hidden: it was not written in
// the declaration, and is not shown.
func secret(env *stream.Env, rel *catalog.Relation, v *stream.Values, key string) (value string, hidden bool, err error) {
	value = v.String(key)
	name, path := v.String(key+"_env"), v.String(key+"_file")
	given := 0
	for _, s := range []string{value, name, path} {
		if s != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return "", false, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q of %q is given in several ways", key, rel.Name).WithHint("Give one of %s, %s_env and %s_file.", key, key, key)
	case name != "":
		if !slices.Contains(env.AllowedEnv, name) {
			return "", false, sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for environment variable %q", name).
				WithHint("Name it in sql.allowed_env of the server's configuration.")
		}
		if value = os.Getenv(name); value == "" {
			return "", false, sqlerr.Errorf(sqlerr.InvalidParameterValue, "environment variable %q, which has %q of %q, is not set", name, key, rel.Name).
				WithHint("Set it where the server is started.")
		}
	case path != "":
		if value, err = readSecret(path, env.FileRoots); err != nil {
			return "", false, err
		}
	}
	return value, name != "" || path != "", nil
}

// readSecret is a file's text, without the line break at its end.
func readSecret(path string, roots []string) (string, error) {
	p, err := object.Resolve(path, roots)
	if err != nil {
		return "", err
	}
	f, err := os.Open(p)
	if err != nil {
		return "", object.PathError("read", p, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longestSecret+1))
	if err != nil {
		return "", object.PathError("read", p, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" || len(b) > longestSecret {
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q holds no secret of up to %d bytes", p, longestSecret)
	}
	return text, nil
}
