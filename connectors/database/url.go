package database

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// server is where a database is and how it is reached.
type server struct {
	dialect        dialect
	product        string // PostgreSQL, as messages name it
	folds          bool   // names of columns are one in upper and lower case
	hosts, ports   []string
	database       string
	user, password string
	settings       map[string]string // of the connection: sslmode, ...
	parameters     map[string]string // of the session: search_path, ...
}

// String is the server as messages name it, without a password.
func (s *server) String() string {
	if len(s.hosts) == 0 {
		return fmt.Sprintf("%s file %q", s.product, s.database)
	}
	var at []string
	for i, h := range s.hosts {
		at = append(at, h+":"+s.ports[i])
	}
	return fmt.Sprintf("%s at %q, database %q", s.product, strings.Join(at, ","), s.database)
}

// same reports whether two names are of one column.
func (s *server) same(a, b string) bool {
	return a == b || s.folds && strings.EqualFold(a, b)
}

func badURL(format string, args ...any) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, format, args...).
		WithHint("Write postgresql://user@host:5432/database or mysql://user@host:3306/database, or jdbc:postgresql://host:5432/database or jdbc:mysql://host:3306/database with connection.username, or sqlite:/path/to/file.")
}

// ignored are parameters of JDBC URLs that say how that driver does its work.
var ignored = map[string]bool{
	"rewritebatchedinserts": true, "preparethreshold": true, "defaultrowfetchsize": true, "tcpkeepalive": true, "stringtype": true,
	"logintimeout": true, "sockettimeout": true, "preferquerymode": true, "binarytransfer": true, "channelbinding": true, "gssencmode": true,
}

// parseURL reads a URL of libpq's or JDBC's form. user and password stand in where
// it has none. Files that it names must lie under roots. What libpq takes from the
// environment and from files of the account is not taken: it is the server's own,
// and not of who writes the URL.
func parseURL(text, user, password string, roots []string) (*server, error) {
	s := &server{dialect: dialectOf(text), product: "PostgreSQL", user: user, password: password, settings: map[string]string{}, parameters: map[string]string{}}
	rest, jdbc := strings.CutPrefix(strings.TrimSpace(text), "jdbc:")
	scheme, rest, ok := strings.Cut(rest, ":")
	port := "5432"
	switch strings.ToLower(scheme) {
	case "postgresql", "postgres":
	case "mysql", "mariadb":
		s.product, s.folds, port = "MySQL", true, "3306"
		if strings.EqualFold(scheme, "mariadb") {
			s.product = "MariaDB"
		}
	case "sqlite":
		return s, s.setSQLite(rest, roots)
	case "oracle", "sqlserver", "db2", "h2":
		return nil, sqlerr.Unsupported("Use a PostgreSQL, MySQL, MariaDB or SQLite database.", "a database of type %s is not supported", scheme)
	default:
		return nil, badURL("it is not the URL of a database")
	}
	if !ok {
		return nil, badURL("it is not the URL of a database")
	}
	rest, query, _ := strings.Cut(rest, "?")
	if after, has := strings.CutPrefix(rest, "//"); has {
		authority, path, _ := strings.Cut(after, "/")
		if err := s.authority(authority, port); err != nil {
			return nil, err
		}
		rest = path
	} else {
		if !jdbc || s.folds {
			return nil, badURL("it is not the URL of a database")
		}
		s.hosts, s.ports = []string{"localhost"}, []string{"5432"} // jdbc:postgresql:database
	}
	var err error
	if s.database, err = url.PathUnescape(strings.TrimPrefix(rest, "/")); err != nil {
		return nil, badURL("the database's name: %v", err)
	}
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, badURL("what follows the ?: %v", err)
	}
	for key, values := range given {
		set := s.set
		if s.folds {
			set = s.setMySQL
		}
		if err := set(key, values[len(values)-1], roots); err != nil {
			return nil, err
		}
	}
	if s.folds {
		return s, s.completeMySQL()
	}
	if s.user == "" {
		return nil, badURL("it names no user")
	}
	if s.database == "" {
		s.database = s.user
	}
	if _, err := s.config(time.Second); err != nil {
		return nil, err
	}
	return s, nil
}

// authority reads user:password@host:port,host:port.
func (s *server) authority(a, standard string) error {
	if i := strings.LastIndexByte(a, '@'); i >= 0 {
		user, password, has := strings.Cut(a[:i], ":")
		a = a[i+1:]
		var err error
		if user, err = url.PathUnescape(user); err != nil {
			return badURL("the user's name: %v", err)
		}
		if password, err = url.PathUnescape(password); err != nil {
			return badURL("the password is not encoded as one of a URL")
		}
		if user != "" {
			s.user = user
		}
		if has {
			s.password = password
		}
	}
	for at := range strings.SplitSeq(a, ",") {
		host, port := at, standard
		if i := strings.LastIndexByte(at, ':'); i >= 0 && !strings.HasSuffix(at, "]") {
			host, port = at[:i], at[i+1:]
		}
		host, err := url.PathUnescape(strings.Trim(host, "[]"))
		if err != nil {
			return badURL("the host: %v", err)
		}
		if host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
			return badURL("it names no host")
		}
		s.hosts, s.ports = append(s.hosts, host), append(s.ports, port)
	}
	return nil
}

// set takes a parameter of the URL.
func (s *server) set(key, value string, roots []string) error {
	switch folded := strings.ToLower(key); folded {
	case "user":
		s.user = value
	case "password":
		s.password = value
	case "ssl":
		if _, there := s.settings["sslmode"]; !there && value != "false" {
			s.settings["sslmode"] = "verify-full"
		}
	case "sslmode":
		s.settings["sslmode"] = value
	case "sslrootcert":
		path, err := object.Resolve(value, roots)
		if err != nil {
			return err
		}
		s.settings["sslrootcert"] = path
	case "target_session_attrs":
		s.settings[folded] = value
	case "connect_timeout", "connecttimeout":
		// connection.timeout says it.
	case "application_name", "applicationname":
		s.parameters["application_name"] = value
	case "currentschema", "search_path":
		s.parameters["search_path"] = value
	default:
		if !ignored[folded] {
			return badURL("its parameter %q is not known", key)
		}
	}
	return nil
}
