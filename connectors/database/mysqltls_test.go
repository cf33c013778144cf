package database

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestMySQLStrictest: of parameters that say differently how a connection is encrypted
// the strictest counts, in whatever order they are looked at, and a certificate that is
// named is checked.
func TestMySQLStrictest(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"useSSL=true&requireSSL=true&verifyServerCertificate=true":             tlsIdentity,
		"useSSL=true&requireSSL=true&verifyServerCertificate=false":            tlsRequired,
		"useSSL=false&requireSSL=true":                                         tlsRequired,
		"useSSL=false&requireSSL=false":                                        tlsDisabled,
		"useSSL=true":                                                          "",
		"sslmode=required&useSSL=false&requireSSL=true":                        tlsRequired,
		"sslmode=preferred&requireSSL=true&verifyServerCertificate=true":       tlsPreferred,
		"sslrootcert=" + ca:                                                    tlsCA,
		"useSSL=true&requireSSL=true&sslrootcert=" + ca:                        tlsCA,
		"verifyServerCertificate=true&sslca=" + ca:                             tlsIdentity,
		"sslmode=required&sslrootcert=" + ca:                                   tlsRequired,
		"useSSL=false&requireSSL=false&verifyServerCertificate=false&tls=true": tlsIdentity,
	} {
		for range 30 {
			of, err := parseURL("jdbc:mysql://h/d?"+text, "user", "pw", []string{dir})
			if err != nil {
				t.Errorf("%s: %v", text, err)
				break
			}
			c, err := of.mysqlConfig(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			checked := c.TLS != nil && (!c.TLS.InsecureSkipVerify || c.TLS.VerifyConnection != nil)
			if got := of.settings["sslmode"]; got != want || checked != (want == tlsCA || want == tlsIdentity) {
				t.Errorf("%s: %q, checked %v, want %q", text, got, checked, want)
				break
			}
		}
	}
}

// TestMySQLTooLong: a row that no statement can have is no lost connection.
func TestMySQLTooLong(t *testing.T) {
	c := &config{server: &server{dialect: mysqlDialect{}, product: "MySQL", hosts: []string{"h"}, ports: []string{"1"}}}
	if err := c.failure("writing", mysql.ErrPktTooLarge); sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded {
		t.Errorf("%v", err)
	}
}
