package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
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
	user, password object.Secret
	bearer         bearer
	kerberos       ticketed
	ca, cert, key  string
	anyHost        bool // a certificate may be another host's
	ofServer       bool // all of this is the server's configuration
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
	if stream.Fold(v.String("sasl.mechanism")) == stream.Fold("AWS-MSK-IAM") {
		v.Refuse("sasl.mechanism", "Have the brokers take a user and password or a token: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, over TLS.")
	}
	s.mechanism = v.Enum("sasl.mechanism", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", mechanismBearer, mechanismKerberos)
	s.user, s.password = object.SecretOf(v, "sasl.username"), object.SecretOf(v, "sasl.password")
	s.bearer.read(v, s.bears())
	s.kerberos.read(v, s.tickets(), s.user, s.password)
	s.anyHost = v.Enum("ssl.endpoint.identification.algorithm", "https", "none", "") != "https"
	v.Refuse("ssl.key.password", "Keep the key without a password, where the server alone may read it: openssl pkey -in key.pem -out plain.pem.")
	s.ca, s.cert, s.key = v.String("ssl.ca.location"), v.String("ssl.certificate.location"), v.String("ssl.key.location")
	switch {
	case s.bears():
		if s.user.Given() || s.password.Given() {
			v.Reject("sasl.mechanism", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI where there is a sasl.username or sasl.password")
		}
	case s.tickets(): // which may have a keytab
	case s.sasl && (!s.user.Given() || !s.password.Given()):
		v.Reject("sasl.username", "a user, with sasl.password, where security.protocol is "+v.String("security.protocol"))
	case !s.sasl && s.user.Given():
		v.Reject("sasl.username", "a user only where security.protocol is SASL_PLAINTEXT or SASL_SSL")
	}
	if (s.cert == "") != (s.key == "") {
		v.Reject("ssl.certificate.location", "a certificate together with ssl.key.location")
	}
}

const (
	mechanismBearer   = "OAUTHBEARER" // of tokens
	mechanismKerberos = "GSSAPI"      // of Kerberos
)

// bears reports whether clients prove themselves by a token.
func (s *security) bears() bool { return s.sasl && s.mechanism == mechanismBearer }

// tickets reports whether clients prove themselves by Kerberos.
func (s *security) tickets() bool { return s.sasl && s.mechanism == mechanismKerberos }

// who is the user, by the key that names it where it is not to be shown.
func (s *security) who() string {
	switch u := s.user; {
	case u.Env != "":
		return "the user of sasl.username_env"
	case u.File != "":
		return "the user of sasl.username_file"
	default:
		return fmt.Sprintf("user %q", u.Value)
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

// options are the client options that follow, of a topic that is called so.
func (s *security) options(env *stream.Env, called string) ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if s.ofServer {
		env = s.trusted(env)
	}
	roots := env.FileRoots
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
		if s.anyHost {
			// The chain is checked as it would be, but for the name that it ends in.
			c.InsecureSkipVerify = true //nolint:gosec // VerifyConnection checks
			c.VerifyConnection = func(cs tls.ConnectionState) error {
				o := x509.VerifyOptions{Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
				for _, cert := range cs.PeerCertificates[1:] {
					o.Intermediates.AddCert(cert)
				}
				_, err := cs.PeerCertificates[0].Verify(o)
				return err
			}
		}
		opts = append(opts, kgo.DialTLSConfig(c))
	}
	if s.sasl {
		m, err := s.proof(env, called)
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

// proof is what a client authenticates with.
func (s *security) proof(env *stream.Env, called string) (sasl.Mechanism, error) {
	switch {
	case s.bears():
		return s.bearer.mechanism(env, called)
	case s.tickets():
		return s.kerberos.mechanism(env, called)
	}
	user, err := s.user.Read(env, called)
	if err != nil {
		return nil, err
	}
	password, err := s.password.Read(env, called)
	if err != nil {
		return nil, err
	}
	switch s.mechanism {
	case "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism(), nil
	}
	return scram.Auth{User: user, Pass: password}.AsSha512Mechanism(), nil
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
