package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	krb5 "github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/kerberos"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ticketed is how a client proves itself by Kerberos (GSSAPI, RFC 4752): as a principal,
// whose key lies in a keytab or is made of a password.
type ticketed struct {
	service   string
	principal string
	keytab    string        // its path; "": there is a password
	krb5      string        // the path of krb5.conf; "": the system's
	user      object.Secret // sasl.username, in place of principal
	password  object.Secret
}

const (
	keyPrincipal = "sasl.kerberos.principal"
	keyKeytab    = "sasl.kerberos.keytab"
	keyService   = "sasl.kerberos.service.name"
	keyKrb5      = "sasl.kerberos.krb5.conf"

	brokerService = "kafka"

	// ticketTimeout is how long the KDCs have for tickets; it is less than connectTimeout,
	// so that a statement says what it waited for.
	ticketTimeout = 8 * time.Second
	// longestKerberosFile bounds a keytab, and a krb5.conf.
	longestKerberosFile = 1 << 20
)

var kerberosOptions = []stream.Option{
	{Key: keyPrincipal, Help: "GSSAPI: the client's principal, such as orders@EXAMPLE.COM, without a realm one of the default_realm; without it sasl.username"},
	{Key: keyKeytab, Help: "the keytab that has its key, under file.roots; it is read again each time a connection authenticates. Without it sasl.password is the principal's"},
	{Key: keyService, Default: brokerService, Help: "what the brokers' principals begin with: a broker that is reached at a host is this, a slash and the host"},
	{Key: keyKrb5, Help: "the krb5.conf that names realms and their KDCs, under file.roots; without it the system's: KRB5_CONFIG, or /etc/krb5.conf"},
	{Key: "sasl.kerberos.kinit.cmd", Help: "is not supported: tickets are asked for with the keytab or the password"},
	{Key: "sasl.kerberos.min.time.before.relogin", Help: "is not supported: each authentication asks for tickets anew"},
	{Key: "sasl.jaas.config", Help: "is not supported: its fields are options"},
}

// read takes the options; on says whether the brokers are to have a ticket.
func (k *ticketed) read(v *stream.Values, on bool, user, password object.Secret) {
	v.Refuse("sasl.kerberos.kinit.cmd", "Leave it out: tickets are asked for with "+keyKeytab+" or sasl.password.")
	v.Refuse("sasl.kerberos.min.time.before.relogin", "Leave it out: each authentication asks for tickets anew.")
	v.Refuse("sasl.jaas.config", "Write its username and password as sasl.username and sasl.password, its principal and keyTab as "+keyPrincipal+" and "+keyKeytab+".")
	*k = ticketed{v.String(keyService), v.String(keyPrincipal), v.String(keyKeytab), v.String(keyKrb5), user, password}
	switch {
	case !on:
		if k.principal != "" || k.keytab != "" || k.krb5 != "" || k.service != brokerService {
			v.Reject("sasl.mechanism", "GSSAPI, with security.protocol SASL_PLAINTEXT or SASL_SSL, where there are keys of sasl.kerberos")
		}
	case k.service == "" || strings.ContainsAny(k.service, "/@"):
		v.Reject(keyService, "the first part of the brokers' principal: of kafka/broker1.example.com@EXAMPLE.COM it is kafka")
	case k.principal != "" && user.Given():
		v.Reject(keyPrincipal, "a principal only without sasl.username")
	case k.principal == "" && !user.Given():
		v.Reject("sasl.mechanism", "GSSAPI with "+keyPrincipal+", and "+keyKeytab+" or sasl.password")
	case k.keytab == "" && !password.Given():
		v.Reject("sasl.mechanism", "GSSAPI with "+keyKeytab+", or with sasl.password")
	case k.keytab != "" && password.Given():
		v.Reject(keyKeytab, "a keytab only without sasl.password")
	}
}

// mechanism is what a client authenticates with, of a topic that is called so. It fails
// early where the files cannot do.
func (k *ticketed) mechanism(env *stream.Env, called string) (sasl.Mechanism, error) {
	if _, err := k.login(env, called); err != nil {
		return nil, err
	}
	return &ticketing{k.service, func() (*login, error) { return k.login(env, called) }}, nil
}

// login is a principal with its key, before it has asked a KDC for anything.
type login struct {
	client *client.Client
	shown  string // the principal, as errors name it
	realm  string
	secret string // the password
	key    string // the option that has the key
}

// login reads the files and secrets as they are now.
func (k *ticketed) login(env *stream.Env, called string) (*login, error) {
	conf, path, err := k.readKrb5(env)
	if err != nil {
		return nil, err
	}
	l := &login{shown: k.principal, key: keyKeytab}
	name := k.principal
	if name == "" {
		if name, err = k.user.Read(env, called); err != nil {
			return nil, err
		}
		l.shown = "of sasl.username"
	}
	name, l.realm = splitPrincipal(name)
	if l.realm == "" {
		l.realm = conf.LibDefaults.DefaultRealm
	}
	if name == "" || l.realm == "" {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "principal %q of %s has no name or no realm", l.shown, called).
			WithHint("A principal is such as orders@EXAMPLE.COM; without a realm it is one of the default_realm in %q.", path)
	}
	if !conf.LibDefaults.DNSLookupKDC && !slices.ContainsFunc(conf.Realms, func(r krb5.Realm) bool { return r.Realm == l.realm && len(r.KDC) > 0 }) {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q names no KDC of realm %q", path, l.realm).
			WithHint("Add the realm with a kdc to [realms] there, name another file with %s, or correct the realm of the principal: realms are written in the case that they have.", keyKrb5)
	}
	// No FAST: Active Directory fails over it. TCP alone: what is not there says so.
	conf.LibDefaults.UDPPreferenceLimit = 1
	if k.keytab == "" {
		l.key = "sasl.password"
		if l.secret, err = k.password.Read(env, called); err != nil {
			return nil, err
		}
		l.client = client.NewWithPassword(name, l.realm, l.secret, conf, client.DisablePAFXFAST(true))
		return l, nil
	}
	keys, err := k.readKeytab(env, name, l.realm, l.shown)
	if err != nil {
		return nil, err
	}
	l.client = client.NewWithKeytab(name, l.realm, keys, conf, client.DisablePAFXFAST(true))
	return l, nil
}

// splitPrincipal splits name@REALM.
func splitPrincipal(s string) (name, realm string) {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return s[:at], s[at+1:]
	}
	return s, ""
}

// readKrb5 reads krb5.conf, and says where it lies.
func (k *ticketed) readKrb5(env *stream.Env) (*krb5.Config, string, error) {
	path := k.krb5
	var err error
	if path != "" {
		path, err = object.Resolve(path, env.FileRoots)
	} else if path = os.Getenv("KRB5_CONFIG"); path == "" {
		path = "/etc/krb5.conf"
	}
	var text []byte
	if err == nil {
		text, err = readBounded(path)
	}
	if err != nil {
		if k.krb5 == "" && sqlerr.CodeOf(err) == sqlerr.UndefinedFile {
			err = sqlerr.From(err).WithHint("Name a krb5.conf with %s, or install the system's.", keyKrb5)
		}
		return nil, "", err
	}
	for line := range strings.Lines(string(text)) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word == "include" || word == "includedir" {
			return nil, "", sqlerr.Unsupported("Copy what it names into the file, or name a file without it with "+keyKrb5+".", "%q has the line %q, which is not supported", path, strings.TrimSpace(line))
		}
	}
	conf, err := krb5.NewFromString(string(text))
	if _, passed := err.(krb5.UnsupportedDirective); err != nil && !passed { //nolint:errorlint // it is not wrapped; what it says is of Kerberos 4
		return nil, "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q is no krb5.conf: %w", path, err).
			WithHint("Correct it there, or name another file with %s.", keyKrb5)
	}
	return conf, path, nil
}

// readKeytab reads the keytab, which must have a key of the principal. Errors of the
// library show keys, so none is passed on.
func (k *ticketed) readKeytab(env *stream.Env, name, realm, shown string) (*keytab.Keytab, error) {
	path, err := object.Resolve(k.keytab, env.FileRoots)
	if err != nil {
		return nil, err
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	keys := keytab.New()
	if keys.Unmarshal(text) != nil || len(keys.Entries) == 0 {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q is no keytab, or an empty one", path).
			WithHint("Make one with kadmin: ktadd -k FILE PRINCIPAL.")
	}
	var has []string
	for _, e := range keys.Entries {
		p := e.Principal.String()
		if p == name+"@"+realm {
			return keys, nil
		}
		if !slices.Contains(has, p) {
			has = append(has, p)
		}
	}
	return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "keytab %q has no key of principal %q", path, shown).
		WithHint("It has keys of %.200s. Correct %s, or add the principal to the keytab.", strings.Join(has, ", "), keyPrincipal)
}

// readBounded is a file's bytes.
func readBounded(path string) ([]byte, error) {
	if err := object.Regular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, object.PathError("read", path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longestKerberosFile+1))
	switch {
	case err != nil:
		return nil, object.PathError("read", path, err)
	case len(b) > longestKerberosFile:
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "file %q is longer than %d bytes", path, longestKerberosFile)
	}
	return b, nil
}

// ticketing is the mechanism. Each authentication logs in anew, so no ticket is ever too
// old, and keytabs may be rotated.
type ticketing struct {
	service string
	login   func() (*login, error)
}

func (m *ticketing) Name() string { return mechanismKerberos }

func (m *ticketing) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	l, err := m.login()
	if err != nil {
		return nil, nil, err
	}
	type ticket struct {
		session sasl.Session
		first   []byte
		err     error
	}
	// The library heeds no context: a KDC that is silent keeps it for 5 s to connect and 5 s
	// to answer. Who gave up does not wait for that, and nothing is left behind it.
	done := make(chan ticket, 1)
	go func() {
		var t ticket
		defer func() {
			if r := recover(); r != nil { // it trusts what a KDC sends
				t = ticket{err: fmt.Errorf("the KDC's answer is malformed: %v", r)}
			}
			l.client.Destroy()
			done <- t
		}()
		a := kerberos.Auth{Client: l.client, Service: m.service}
		t.session, t.first, t.err = a.AsMechanism().Authenticate(ctx, host)
	}()
	timeout := time.NewTimer(ticketTimeout)
	defer timeout.Stop()
	select {
	case t := <-done:
		if t.err != nil {
			return nil, nil, l.explain(m.service+"/"+hostOf(host), t.err)
		}
		return t.session, t.first, nil
	case <-timeout.C:
		err = fmt.Errorf("no answer in %s", ticketTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, nil, l.unreachable(err)
}

// hostOf is the host of host:port.
func hostOf(addr string) string { return strings.Trim(addr[:strings.LastIndexByte(addr, ':')], "[]") }

var (
	// kdcError is how the library words a KDC's error, whose code (RFC 4120, 7.5.9) it does
	// not keep.
	kdcError = regexp.MustCompile(`KRB Error: \((\d+)\) (\S+)`)
	// networkError is of a KDC that was not reached.
	networkError = regexp.MustCompile(`^\[Root cause: Networking_Error\]|communication error with KDC|no KDC SRV records`)
)

// explain words why there is no ticket for a service: an outage (class 08), which jobs wait
// out, or a refusal.
func (l *login) explain(service string, err error) error {
	said := err.Error()
	if l.secret != "" {
		said = strings.ReplaceAll(said, l.secret, "********")
	}
	found := kdcError.FindStringSubmatch(said)
	if found == nil {
		found = []string{"", "", ""}
	}
	switch code, name := found[1], found[2]; {
	case code == "6":
		return l.refused("knows no principal %q: %s", l.shown, name).WithHint("Check %s, and that the principal is in the realm's database.", keyPrincipal)
	case code == "7":
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "the KDC of realm %q knows no service %q: %s", l.realm, service, name).
			WithHint("The broker's principal must be %s and the host that its advertised.listeners name; %s is the first part.", service, keyService)
	case code == "1", code == "18", code == "23":
		return l.refused("does not let principal %q in: %s", l.shown, name).WithHint("Have the principal or its password renewed there.")
	case code == "37" || strings.Contains(said, "clock skew"):
		return l.refused("does not let principal %q in: the clocks differ too much", l.shown).WithHint("Set the clocks of this machine and of the KDC by the same time.")
	case code == "29", code == "60" && strings.Contains(said, "UNAVAILABLE"), networkError.MatchString(said) && code == "":
		return l.unreachable(errors.New(said))
	case code == "24", code == "31", strings.Contains(said, "client password/keytab incorrect"), strings.Contains(said, "matching key not found in keytab"):
		e := l.refused("does not take the key of principal %q", l.shown)
		if l.key == keyKeytab {
			return e.WithHint("The keytab is older than the key there, or lacks its encryption type: make it anew with ktadd, and check %s.", keyKeytab)
		}
		return e.WithHint("Check %s.", l.key)
	}
	return l.refused("gave no ticket to principal %q: %.300s", l.shown, said).WithHint("Check %s, %s and the realm in krb5.conf.", keyPrincipal, l.key)
}

// refused is the error of a KDC that does not let the principal in.
func (l *login) refused(format string, args ...any) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.InvalidPassword, "the KDC of realm %q "+format, append([]any{l.realm}, args...)...)
}

// unreachable is the error of a realm whose KDCs do not answer.
func (l *login) unreachable(err error) error {
	return sqlerr.Errorf(sqlerr.UnableToEstablishConnection, "no KDC of realm %q gives tickets to principal %q: %.300s", l.realm, l.shown, err.Error()).
		WithHint("Check that a KDC of the realm runs where krb5.conf says, and listens for TCP.")
}
