// Package kerberos runs a real KDC for tests: Debian's krb5kdc, which
// compat-tests/install.sh installs, on a free loopback port, with a realm, a database and
// a krb5.conf of its own in a directory that is gone with the test.
package kerberos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/child"
)

// Realm is the KDC's.
const Realm = "FERRIS.TEST"

// KDC is a key distribution centre, a process of its own.
type KDC struct {
	dir  string
	port int
	proc *child.Process
}

// timeout bounds each of its programs, and the wait for the KDC.
const timeout = time.Minute

// clients is the krb5.conf.
const clients = `[libdefaults]
	default_realm = %[1]s
	dns_lookup_kdc = false
	dns_canonicalize_hostname = false
	rdns = false
	ticket_lifetime = %[3]s
[realms]
	%[1]s = {
		kdc = 127.0.0.1:%[2]d
	}
[domain_realm]
	localhost = %[1]s
`

// server is the kdc.conf.
const server = `[kdcdefaults]
	kdc_listen = 127.0.0.1:%[2]d
	kdc_tcp_listen = 127.0.0.1:%[2]d
[realms]
	%[1]s = {
		database_name = %[3]s/principal
		key_stash_file = %[3]s/stash
		acl_file = %[3]s/acl
		supported_enctypes = aes256-cts-hmac-sha1-96:normal
	}
[logging]
	kdc = FILE:/dev/stderr
`

// Start runs a KDC until the test ends, whose tickets last for a lifetime, as krb5.conf
// writes it. The test fails where there is none.
func Start(t testing.TB, lifetime string) *KDC {
	t.Helper()
	port, err := child.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	k := &KDC{dir: t.TempDir(), port: port}
	for name, text := range map[string]string{
		"krb5.conf": fmt.Sprintf(clients, Realm, port, lifetime),
		"kdc.conf":  fmt.Sprintf(server, Realm, port, k.dir),
	} {
		if err := os.WriteFile(filepath.Join(k.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k.run(t, "kdb5_util", "create", "-s", "-r", Realm, "-P", "master")
	t.Cleanup(func() {
		k.Stop()
		if t.Failed() && k.proc != nil {
			t.Logf("the KDC's log:\n%s", k.proc.Log())
		}
	})
	k.Run(t)
	return k
}

// Run starts the KDC, also again after Stop, and returns when it listens.
func (k *KDC) Run(t testing.TB) {
	t.Helper()
	path, err := program("krb5kdc")
	if err != nil {
		t.Fatal(err)
	}
	cmd := k.command(context.Background(), path, "-n", "-r", Realm, "-P", filepath.Join(k.dir, "pid"))
	k.proc, err = child.Start(t.Context(), cmd, child.Options{Name: "krb5kdc", Ready: "commencing operation", Timeout: timeout, Orphan: syscall.SIGKILL, Kill: syscall.SIGKILL})
	if err != nil {
		t.Fatal(err)
	}
}

// Stop ends the KDC. It may be called twice.
func (k *KDC) Stop() {
	if k.proc != nil {
		k.proc.End()
	}
}

// Log is the end of what it has logged since Run.
func (k *KDC) Log() string { return k.proc.Log() }

// Conf is the path of krb5.conf.
func (k *KDC) Conf() string { return filepath.Join(k.dir, "krb5.conf") }

// Admin runs a command of kadmin, such as "addprinc -pw secret me".
func (k *KDC) Admin(t testing.TB, command string) {
	t.Helper()
	k.run(t, "kadmin.local", "-r", Realm, "-q", command)
}

// Keytab makes a principal with a new key, and a keytab of it, at path.
func (k *KDC) Keytab(t testing.TB, principal, path string) {
	t.Helper()
	k.Admin(t, "addprinc -randkey "+principal)
	k.Admin(t, "ktadd -k "+path+" "+principal)
	if _, err := os.Stat(path); err != nil { // kadmin.local ends with 0 whatever it has done
		t.Fatalf("making a keytab of %s: %v", principal, err)
	}
}

func (k *KDC) run(t testing.TB, name string, args ...string) {
	t.Helper()
	path, err := program(name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if out, err := k.command(ctx, path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func (k *KDC) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = k.dir
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+k.Conf(), "KRB5_KDC_PROFILE="+filepath.Join(k.dir, "kdc.conf"), "KRB5RCACHENAME=none:")
	return cmd
}

// program finds one of the KDC's programs, which may be where only root looks.
func program(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the KDC for tests is Debian's: run compat-tests/install.sh (apt-get install krb5-kdc krb5-admin-server): %w", err)
	}
	return path, nil
}
