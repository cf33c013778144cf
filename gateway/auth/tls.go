package auth

import (
	"crypto"
	_ "crypto/sha256" // hashes of channel bindings
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files are a server's certificate and key, and the authority that client
// certificates are checked by; ClientCA "": none is asked for.
type Files struct{ Cert, Key, ClientCA string }

// TLS makes configurations of files, and reads them again when they have changed:
// a certificate is renewed without a restart. What cannot be read leaves what was.
type TLS struct {
	files Files
	log   *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	changed [3]time.Time
	current *tls.Config
}

// LoadTLS reads the files.
func LoadTLS(f Files, log *slog.Logger) (*TLS, error) {
	t := &TLS{files: f, log: log}
	stamps, err := t.stamps()
	if err != nil {
		return nil, err
	}
	if t.current, err = t.read(); err != nil {
		return nil, err
	}
	t.changed, t.looked = stamps, time.Now()
	return t, nil
}

func (t *TLS) stamps() (s [3]time.Time, err error) {
	for i, path := range []string{t.files.Cert, t.files.Key, t.files.ClientCA} {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return s, fmt.Errorf("reading a file of server.tls: %w", err)
		}
		s[i] = info.ModTime()
	}
	return s, nil
}

func (t *TLS) read() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(t.files.Cert, t.files.Key)
	if err != nil {
		return nil, fmt.Errorf("reading server.tls.cert_file %s and key_file %s: %w", t.files.Cert, t.files.Key, err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"postgresql"}}
	if t.files.ClientCA != "" {
		pem, err := os.ReadFile(t.files.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("reading server.tls.client_ca_file: %w", err)
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading server.tls.client_ca_file %s: it holds no certificate", t.files.ClientCA)
		}
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// Config is what a connection's handshake takes.
func (t *TLS) Config() *tls.Config {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.looked) < time.Second {
		return t.current
	}
	t.looked = time.Now()
	stamps, err := t.stamps()
	if err == nil && stamps == t.changed {
		return t.current
	}
	var c *tls.Config
	if err == nil {
		c, err = t.read()
	}
	if err != nil {
		t.log.Error("reading the TLS files again; connections get the certificate that was read before", "error", err)
		return t.current
	}
	t.current, t.changed = c, stamps
	t.log.Info("the TLS files were read again")
	return t.current
}

// Binding is the data of tls-server-end-point (RFC 5929) of a configuration: the
// hash of its certificate. nil: its signature has no hash that is known.
func Binding(c *tls.Config) []byte {
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		return nil
	}
	hash := crypto.SHA256 // in place of MD5 and SHA-1, too
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	h := hash.New()
	h.Write(leaf.Raw)
	return h.Sum(nil)
}
