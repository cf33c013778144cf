package catalog

import (
	"slices"
	"strings"
)

// secretWords mark the keys of options whose values are never shown.
var secretWords = []string{"password", "secret", "token", "credential", "private", "passphrase", "jaas", "access.key", "access_key", "api.key", "api_key", "sasl.username", "auth_header"}

// Secret tells whether an option's value must not be shown to anyone.
func Secret(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(key, w) })
}
