package database

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// mysqlIgnored are parameters of MySQL's and MariaDB's URLs that say how a driver does
// its work, or what sessions here have anyway.
var mysqlIgnored = map[string]bool{
	"rewritebatchedstatements": true, "useserverprepstmts": true, "cacheprepstmts": true, "prepstmtcachesize": true, "prepstmtcachesqllimit": true,
	"zerodatetimebehavior": true, "servertimezone": true, "connectiontimezone": true, "forceconnectiontimezonetosession": true, "characterencoding": true,
	"useunicode": true, "autoreconnect": true, "connecttimeout": true, "sockettimeout": true, "tcpkeepalive": true, "usecursorfetch": true, "defaultfetchsize": true,
	"tinyint1isbit": true, "uselegacydatetimecode": true, "allowpublickeyretrieval": true, "charset": true, "collation": true, "parsetime": true, "loc": true,
	"timeout": true, "readtimeout": true, "writetimeout": true, "usecompression": true, "maxallowedpacket": true, "allowmultiqueries": true,
}

// How a connection is encrypted, as sslmode says.
const (
	tlsDisabled  = "disabled"
	tlsPreferred = "preferred"
	tlsRequired  = "required"
	tlsCA        = "verify-ca"
	tlsIdentity  = "verify-identity"
)

// tlsModes are the names that drivers give to them.
var tlsModes = map[string]string{
	"disabled": tlsDisabled, "disable": tlsDisabled, "false": tlsDisabled, "preferred": tlsPreferred, "prefer": tlsPreferred,
	"required": tlsRequired, "require": tlsRequired, "trust": tlsRequired, "skip-verify": tlsRequired, "verify_ca": tlsCA, "verify-ca": tlsCA,
	"verify_identity": tlsIdentity, "verify-identity": tlsIdentity, "verify-full": tlsIdentity, "verify_full": tlsIdentity, "true": tlsIdentity,
}

// setMySQL takes a parameter of a MySQL URL.
func (s *server) setMySQL(key, value string, roots []string) error {
	switch folded := strings.ToLower(key); folded {
	case "user":
		s.user = value
	case "password":
		s.password = value
	case "sslmode", "ssl-mode", "tls":
		mode, ok := tlsModes[strings.ToLower(value)]
		if !ok {
			return badURL("its parameter %q is %q: disabled, preferred, required, verify-ca or verify-identity", key, value)
		}
		s.settings["sslmode"] = mode
	case "usessl", "requiressl", "verifyservercertificate":
		s.settings[folded] = value
	case "sslrootcert", "ssl-ca", "sslca", "serversslcert":
		path, err := object.Resolve(value, roots)
		if err != nil {
			return err
		}
		s.settings["sslrootcert"] = path
	default:
		if !mysqlIgnored[folded] {
			return badURL("its parameter %q is not known", key)
		}
	}
	return nil
}

// mysqlConfig is how the driver connects.
func (s *server) mysqlConfig(timeout time.Duration) (*mysql.Config, error) {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName, c.Timeout = s.user, s.password, s.database, timeout
	c.Net, c.Addr = "tcp", net.JoinHostPort(s.hosts[0], s.ports[0])
	c.Logger = &mysql.NopLogger{}
	c.ClientFoundRows = true // an UPDATE counts the rows that it met
	c.MaxAllowedPacket = 0   // as the server says
	mode := s.settings["sslmode"]
	if mode == "" {
		mode = tlsPreferred
	}
	if mode == tlsDisabled {
		return c, nil
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.hosts[0]}
	if path := s.settings["sslrootcert"]; path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "reading sslrootcert: %w", err)
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return nil, badURL("sslrootcert %q has no certificate", path)
		}
	}
	switch mode {
	case tlsPreferred:
		c.TLS.InsecureSkipVerify, c.AllowFallbackToPlaintext = true, true
	case tlsRequired:
		c.TLS.InsecureSkipVerify = true
	case tlsCA:
		c.TLS.InsecureSkipVerify = true // the name alone is not looked at
		roots := c.TLS.RootCAs
		c.TLS.VerifyConnection = func(state tls.ConnectionState) error {
			o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, cert := range state.PeerCertificates[1:] {
				o.Intermediates.AddCert(cert)
			}
			_, err := state.PeerCertificates[0].Verify(o)
			return err
		}
	}
	return c, nil
}

// settleTLS is how a connection is encrypted where sslmode does not say it: as the
// strictest of the older parameters has it, in whatever order they come. Who names a
// certificate has the server's checked by it.
func (s *server) settleTLS() {
	of := s.settings
	said := func(key string) bool { return of[key] != "" && of[key] != "false" }
	switch {
	case of["sslmode"] != "":
	case said("verifyservercertificate"):
		of["sslmode"] = tlsIdentity
	case of["usessl"] == "false" && !said("requiressl"):
		of["sslmode"] = tlsDisabled
	case of["sslrootcert"] != "":
		of["sslmode"] = tlsCA
	case said("requiressl"):
		of["sslmode"] = tlsRequired
	}
}

// completeMySQL checks what a URL says.
func (s *server) completeMySQL() error {
	s.settleTLS()
	switch {
	case s.user == "":
		return badURL("it names no user")
	case len(s.hosts) != 1:
		return badURL("it names %d hosts, and one is due", len(s.hosts))
	case s.database == "":
		return badURL("it names no database")
	}
	if port, err := strconv.ParseUint(s.ports[0], 10, 16); err != nil || port == 0 {
		return badURL("its port %q is none", s.ports[0])
	}
	_, err := s.mysqlConfig(time.Second)
	return err
}

// quoteMySQL quotes a name.
func quoteMySQL(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// quoteText quotes a text, where a backslash is a letter.
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// behind compares rows with a place, in a form that indexes are used for.
func behind(left, right []string) string {
	last := len(left) - 1
	text := left[last] + " > " + right[last]
	for i := last - 1; i >= 0; i-- {
		text = fmt.Sprintf("%s >= %s AND (%s > %s OR (%s = %s AND (%s)))", left[i], right[i], left[i], right[i], left[i], right[i], text)
	}
	return "(" + text + ")"
}
