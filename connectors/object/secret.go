package object

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// longestSecret bounds a file that has a secret.
const longestSecret = 64 << 10

// Secret is an option that may be written, or lie in a variable of the server's environment
// (KEY_env), or in a file (KEY_file).
type Secret struct{ Key, Value, Env, File string }

// SecretOf reads the three keys of a secret.
func SecretOf(v *stream.Values, key string) Secret {
	return Secret{key, v.String(key), v.String(key + "_env"), v.String(key + "_file")}
}

// Given reports whether one of them is.
func (s Secret) Given() bool { return s.Value != "" || s.Hidden() }

// Hidden reports whether it was not written in the declaration, and is not shown.
func (s Secret) Hidden() bool { return s.Env != "" || s.File != "" }

// Read is the secret, of a relation of that name.
func (s Secret) Read(env *stream.Env, of string) (string, error) {
	given := 0
	for _, way := range []string{s.Value, s.Env, s.File} {
		if way != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q of %q is given in several ways", s.Key, of).WithHint("Give one of %s, %s_env and %s_file.", s.Key, s.Key, s.Key)
	case s.Env != "":
		if !slices.Contains(env.AllowedEnv, s.Env) {
			return "", sqlerr.Errorf(sqlerr.InsufficientPrivilege, "permission denied for environment variable %q", s.Env).
				WithHint("Name it in sql.allowed_env of the server's configuration.")
		}
		value := os.Getenv(s.Env)
		if value == "" {
			return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "environment variable %q, which has %q of %q, is not set", s.Env, s.Key, of).
				WithHint("Set it where the server is started.")
		}
		return value, nil
	case s.File != "":
		return readSecret(s.File, env.FileRoots)
	}
	return s.Value, nil
}

// readSecret is a file's text, without the line break at its end.
func readSecret(path string, roots []string) (string, error) {
	p, err := Resolve(path, roots)
	if err != nil {
		return "", err
	}
	f, err := os.Open(p)
	if err != nil {
		return "", PathError("read", p, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longestSecret+1))
	if err != nil {
		return "", PathError("read", p, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" || len(b) > longestSecret {
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q holds no secret of up to %d bytes", p, longestSecret)
	}
	return text, nil
}
