package pgcatalog

import (
	"regexp"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// What other sessions run is shown without the secrets that its text has: the values
// of options that are secret, passwords of roles and those within URLs.
var (
	// A key, quoted or not, perhaps an equals sign, and a literal of any kind, which may
	// be cut off.
	secretLiteral = regexp.MustCompile(`(?i)([a-z0-9_.]*(?:password|secret|token|credential|private|passphrase|jaas|access[._]key|api[._]key|sasl\.username)[a-z0-9_.]*["']?\s*(?:=>|=)?\s*)(?:(?:e|n|u&)?'(?:[^'\\]|\\.|'')*(?:'|$)|\$[a-z0-9_]*\$[^$]*(?:\$[a-z0-9_]*\$|$))`)
	// A user's password in a URL, and one among its parameters.
	urlUser   = regexp.MustCompile(`(://[^\s'":/@]*:)[^\s'"@]*@`)
	urlOption = regexp.MustCompile(`(?i)((?:password|passphrase)(?:=|%3d))[^&\s'"]+`)
)

// redact returns a statement's text without its secrets.
func redact(text string) string {
	if !strings.Contains(text, "://") && !catalog.Secret(text) {
		return text
	}
	text = secretLiteral.ReplaceAllString(text, "${1}'********'")
	text = urlUser.ReplaceAllString(text, "${1}********@")
	return urlOption.ReplaceAllString(text, "${1}********")
}
