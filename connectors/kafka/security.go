package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// security is how a client proves itself, and the brokers themselves.
type security struct {
	tls, sasl      bool
	mechanism      string
	user, password string
	ca, cert, key  string
}

func (s *security) read(v *stream.Values) {
	switch v.Enum("security.protocol", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL") {
	case "SSL":
		s.tls = true
	case "SASL_PLAINTEXT":
		s.sasl = true
	case "SASL_SSL":
		s.tls, s.sasl = true, true
	}
	s.mechanism = v.Enum("sasl.mechanism", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
	s.user, s.password = v.String("sasl.username"), v.String("sasl.password")
	s.ca, s.cert, s.key = v.String("ssl.ca.location"), v.String("ssl.certificate.location"), v.String("ssl.key.location")
	if s.sasl && (s.user == "" || s.password == "") {
		v.Reject("sasl.username", "a user, with sasl.password, where security.protocol is "+v.String("security.protocol"))
	}
	if !s.sasl && s.user != "" {
		v.Reject("sasl.username", "a user only where security.protocol is SASL_PLAINTEXT or SASL_SSL")
	}
	if (s.cert == "") != (s.key == "") {
		v.Reject("ssl.certificate.location", "a certificate together with ssl.key.location")
	}
}

// protocol is security.protocol's value.
func (s *security) protocol() string {
	switch {
	case s.sasl && s.tls:
		return "SASL_SSL"
	case s.sasl:
		return "SASL_PLAINTEXT"
	case s.tls:
		return "SSL"
	}
	return "PLAINTEXT"
}

// options are the client options that follow.
func (s *security) options(roots []string) ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if s.tls {
		c := &tls.Config{MinVersion: tls.VersionTLS12}
		if s.ca != "" {
			pem, err := readFile(s.ca, roots)
			if err != nil {
				return nil, err
			}
			c.RootCAs = x509.NewCertPool()
			if !c.RootCAs.AppendCertsFromPEM(pem) {
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q holds no certificate", s.ca)
			}
		}
		if s.cert != "" {
			cert, err := readFile(s.cert, roots)
			if err != nil {
				return nil, err
			}
			key, err := readFile(s.key, roots)
			if err != nil {
				return nil, err
			}
			pair, err := tls.X509KeyPair(cert, key)
			if err != nil {
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "files %q and %q are not a certificate and its key: %w", s.cert, s.key, err)
			}
			c.Certificates = []tls.Certificate{pair}
		}
		opts = append(opts, kgo.DialTLSConfig(c))
	}
	if s.sasl {
		var m sasl.Mechanism
		switch s.mechanism {
		case "PLAIN":
			m = plain.Auth{User: s.user, Pass: s.password}.AsMechanism()
		case "SCRAM-SHA-256":
			m = scram.Auth{User: s.user, Pass: s.password}.AsSha256Mechanism()
		default:
			m = scram.Auth{User: s.user, Pass: s.password}.AsSha512Mechanism()
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

func readFile(path string, roots []string) ([]byte, error) {
	p, err := object.Resolve(path, roots)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(p)
	if err != nil {
		return nil, object.PathError("read", p, err)
	}
	return b, nil
}
