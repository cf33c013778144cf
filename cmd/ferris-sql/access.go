package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/scram"
	"github.com/ferrisstreams/ferrisstreams/config"
	"github.com/ferrisstreams/ferrisstreams/gateway/auth"
)

// access is who may connect, and how.
type access struct {
	rules     []*auth.Rule
	tls       func() *tls.Config // nil: there is none
	superuser string
	password  string // of the superuser; "": it stays what it is
	// trusting: nothing says how clients prove who they are. A name without a role may
	// do everything.
	trusting bool
}

// readAccess reads what the configuration and the environment say. Without rules,
// a password of the superuser's has everyone give one; without that either, all on
// this machine are trusted.
func readAccess(c *config.Config, getenv func(string) string, log *slog.Logger) (*access, error) {
	a := &access{superuser: c.Auth.Superuser}
	a.password = getenv("FERRIS_SUPERUSER_PASSWORD")
	if path := getenv("FERRIS_SUPERUSER_PASSWORD_FILE"); path != "" {
		if a.password != "" {
			return nil, fmt.Errorf("FERRIS_SUPERUSER_PASSWORD and FERRIS_SUPERUSER_PASSWORD_FILE are both set: set one")
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading FERRIS_SUPERUSER_PASSWORD_FILE: %w", err)
		}
		if a.password = strings.TrimRight(string(b), "\r\n"); a.password == "" {
			return nil, fmt.Errorf("FERRIS_SUPERUSER_PASSWORD_FILE %s is empty", path)
		}
	}
	for i, line := range c.Auth.HBA {
		r, err := auth.ParseRule(line)
		if err != nil {
			return nil, fmt.Errorf("auth.hba, rule %d: %w", i+1, err)
		}
		a.rules = append(a.rules, r)
	}
	switch {
	case len(a.rules) > 0:
	case a.password != "":
		a.rules = auth.Everyone(auth.SCRAM)
	case c.Server.InsecureTrustRemote:
		a.rules, a.trusting = auth.Everyone(auth.Trust), true
	default:
		a.rules, a.trusting = auth.Loopback(), true
		if err := auth.CheckListen(c.Server.Listen, false); err != nil {
			return nil, err
		}
	}
	if !c.Server.InsecureTrustRemote {
		for _, r := range a.rules {
			if !r.TrustsRemote() {
				continue
			}
			if err := auth.CheckListen(c.Server.Listen, false); err != nil {
				return nil, fmt.Errorf("the rule %q: %w", r.Text, err)
			}
		}
	}
	files := auth.Files{Cert: c.Server.TLS.CertFile, Key: c.Server.TLS.KeyFile, ClientCA: c.Server.TLS.ClientCAFile}
	switch {
	case files.Cert == "" && files.Key == "" && files.ClientCA == "":
	case files.Cert == "" || files.Key == "":
		return nil, fmt.Errorf("server.tls needs both cert_file and key_file")
	default:
		t, err := auth.LoadTLS(files, log)
		if err != nil {
			return nil, err
		}
		a.tls = t.Config
	}
	for _, r := range a.rules {
		if r.TLS != nil && *r.TLS && a.tls == nil {
			return nil, fmt.Errorf("the rule %q needs server.tls.cert_file and server.tls.key_file", r.Text)
		}
		if (r.Method == auth.Cert || r.Verify != "") && files.ClientCA == "" {
			return nil, fmt.Errorf("the rule %q needs server.tls.client_ca_file", r.Text)
		}
	}
	return a, nil
}

// govern sees to it that the superuser exists, and that where clients prove who they
// are a name without a role has no rights.
func (a *access) govern(cat *catalog.Catalog) error {
	if !a.trusting {
		cat.RequireRoles()
	}
	return a.ensureSuperuser(cat)
}

// ensureSuperuser sees to it that the superuser exists, with its password.
func (a *access) ensureSuperuser(cat *catalog.Catalog) error {
	r := cat.Snapshot().Role(a.superuser)
	known := r != nil && r.Superuser && r.Login
	if a.password != "" && known {
		v, err := scram.Parse(r.Verifier)
		known = err == nil && v.Matches(a.password)
	}
	if known {
		return nil
	}
	tx := cat.Begin()
	if r == nil {
		if err := tx.CreateRole(catalog.NewRole(a.superuser)); err != nil {
			return fmt.Errorf("making the superuser: %w", err)
		}
	}
	err := tx.AlterRole(a.superuser, func(r *catalog.Role) error {
		r.Superuser, r.CreateRole, r.CreateDB, r.Login, r.Replication, r.BypassRLS = true, true, true, true, true, true
		if a.password != "" {
			r.Verifier, r.ValidUntil = scram.NewVerifier(a.password).String(), catalog.NoEnd
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("making the superuser: %w", err)
	}
	return tx.Commit()
}
