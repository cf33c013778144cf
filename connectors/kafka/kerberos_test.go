package kafka

import (
	"encoding/asn1"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// realmOf is a krb5.conf of a realm whose KDC listens there.
func realmOf(kdc string) string {
	return "[libdefaults]\ndefault_realm = SHOP.TEST\n[realms]\nSHOP.TEST = {\nkdc = " + kdc + "\n}\nEMPTY.TEST = {\n}\n"
}

// kdcOf listens for one answer to each request; nil: none comes.
func kdcOf(t *testing.T, answer []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-served })
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			if answer == nil {
				continue
			}
			var length [4]byte
			_, _ = io.ReadFull(conn, length[:])
			_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(length[:])))
			_, _ = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// krbError is a KDC's error, with data.
func krbError(t *testing.T, code int32, data []byte) []byte {
	t.Helper()
	e := messages.NewKRBError(types.PrincipalName{NameType: 2, NameString: []string{"krbtgt", "SHOP.TEST"}}, "SHOP.TEST", code, "")
	e.EData = data
	b, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTickets: what is wrong with the files, or with what a KDC answers, is told with the
// place and what to do, and shows no key.
func TestTickets(t *testing.T) {
	b := start(t)
	b.topic("t", 1)
	b.ControlKey(17, func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		return req.ResponseKind(), nil, true
	})
	env := b.env()
	env.FileRoots, env.AllowedEnv = []string{t.TempDir()}, []string{"FERRIS_TEST_PASSWORD"}
	t.Setenv("FERRIS_TEST_PASSWORD", "hidden")
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(env.FileRoots[0], name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys := keytab.New()
	if err := keys.AddEntry("orders", "SHOP.TEST", "hidden", time.Now(), 1, 18); err != nil {
		t.Fatal(err)
	}
	text, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	good := []string{keyPrincipal, "orders@SHOP.TEST", keyKeytab, file("keytab", string(text)), keyKrb5, file("krb5.conf", realmOf(nobody.Addr().String()))}
	check := func(code sqlerr.Code, words string, options ...string) {
		t.Helper()
		ticketsRefused(t, env, code, words, append(slices.Clone(good), options...))
	}
	none := "" // an option of this value is not given
	check(sqlerr.UnableToEstablishConnection, "no KDC of realm \"SHOP.TEST\"")
	check(sqlerr.UnableToEstablishConnection, "no KDC of realm", keyPrincipal, "orders")
	check(sqlerr.UnableToEstablishConnection, "no KDC of realm", keyKeytab, none, "sasl.password", "hidden")
	check(sqlerr.UnableToEstablishConnection, "no KDC of realm", keyKeytab, none, keyPrincipal, none, "sasl.username", "orders", "sasl.password_env", "FERRIS_TEST_PASSWORD")

	check(sqlerr.UndefinedFile, "No such file", keyKeytab, filepath.Join(env.FileRoots[0], "none"))
	check(sqlerr.InsufficientPrivilege, "file.roots", keyKeytab, "/etc/hostname")
	check(sqlerr.WrongObjectType, "regular", keyKeytab, env.FileRoots[0])
	check(sqlerr.InvalidParameterValue, "is no keytab", keyKeytab, file("text", "hidden"))
	check(sqlerr.InvalidParameterValue, "is no keytab", keyKeytab, file("cut", "\x05\x02\x00\x00\x00\x7fhidden"))
	check(sqlerr.InvalidParameterValue, "is no keytab", keyKeytab, file("none at all", "\x05\x02"))
	check(sqlerr.ProgramLimitExceeded, "longer", keyKeytab, file("long", strings.Repeat("hidden", 1<<18)))
	check(sqlerr.InvalidParameterValue, "It has keys of orders@SHOP.TEST", keyPrincipal, "payments@SHOP.TEST")

	check(sqlerr.UndefinedFile, "No such file", keyKrb5, filepath.Join(env.FileRoots[0], "none"))
	check(sqlerr.InsufficientPrivilege, "file.roots", keyKrb5, "/etc/krb5.conf")
	check(sqlerr.InvalidParameterValue, "is no krb5.conf", keyKrb5, file("bad", "[libdefaults]\nno value\n"))
	check(sqlerr.FeatureNotSupported, "includedir", keyKrb5, file("including", "includedir /etc/krb5.conf.d/\n"+realmOf("127.0.0.1:1")))
	check(sqlerr.InvalidParameterValue, "names no KDC of realm \"shop.test\"", keyPrincipal, "orders@shop.test")
	check(sqlerr.InvalidParameterValue, "names no KDC of realm \"EMPTY.TEST\"", keyPrincipal, "orders@EMPTY.TEST")
	check(sqlerr.InvalidParameterValue, "default_realm", keyPrincipal, "orders", keyKrb5, file("no default", "[realms]\n"))

	check(sqlerr.InvalidParameterValue, "GSSAPI with "+keyKeytab, keyKeytab, none)
	check(sqlerr.InvalidParameterValue, "GSSAPI with "+keyPrincipal, keyPrincipal, none)
	check(sqlerr.InvalidParameterValue, keyKeytab, "sasl.password", "hidden")
	check(sqlerr.InvalidParameterValue, keyPrincipal, "sasl.username", "orders")
	check(sqlerr.InvalidParameterValue, keyService, keyService, "kafka/broker1")
	check(sqlerr.InvalidParameterValue, "GSSAPI, with", "sasl.mechanism", "PLAIN", "sasl.username", "me", "sasl.password", "hidden")

	t.Setenv("KRB5_CONFIG", filepath.Join(env.FileRoots[0], "krb5.conf"))
	check(sqlerr.UnableToEstablishConnection, "no KDC of realm", keyKrb5, none)
	t.Setenv("KRB5_CONFIG", filepath.Join(env.FileRoots[0], "none"))
	check(sqlerr.UndefinedFile, keyKrb5, keyKrb5, none)

	info := struct { // an ETYPE-INFO2 without entries
		Type  int    `asn1:"explicit,tag:1"`
		Value []byte `asn1:"explicit,tag:2"`
	}{int(patype.PA_ETYPE_INFO2), []byte{0x30, 0}}
	data, err := asn1.Marshal([]any{info})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		answer []byte
		code   sqlerr.Code
		words  string
	}{
		{nil, sqlerr.UnableToEstablishConnection, "no KDC of realm"},
		{[]byte("HTTP/1.1 400 Bad Request\r\n"), sqlerr.InvalidPassword, "gave no ticket"},
		{krbError(t, errorcode.KDC_ERR_PREAUTH_REQUIRED, data), sqlerr.InvalidPassword, "malformed"},
		{krbError(t, errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, nil), sqlerr.InvalidPassword, "knows no principal \"orders@SHOP.TEST\""},
		{krbError(t, errorcode.KDC_ERR_CLIENT_REVOKED, nil), sqlerr.InvalidPassword, "does not let principal"},
		{krbError(t, errorcode.KRB_AP_ERR_SKEW, nil), sqlerr.InvalidPassword, "Set the clocks"},
		{krbError(t, errorcode.KDC_ERR_SVC_UNAVAILABLE, nil), sqlerr.UnableToEstablishConnection, "no KDC of realm"},
		{krbError(t, errorcode.KDC_ERR_POLICY, nil), sqlerr.InvalidPassword, "gave no ticket"},
	} {
		check(c.code, c.words, keyKrb5, file("krb5-2.conf", realmOf(kdcOf(t, c.answer))))
	}
}

// ticketsRefused opens a source with options, of which the last of a key counts, and wants
// an error of a code that says the words and no secret.
func ticketsRefused(t *testing.T, env *stream.Env, code sqlerr.Code, words string, options []string) {
	t.Helper()
	last := map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanismKerberos}
	for i := 0; i < len(options); i += 2 {
		last[options[i]] = options[i+1]
	}
	var given []string
	for key, value := range last {
		if value != "" {
			given = append(given, key, value)
		}
	}
	src, err := Connector{}.Source(t.Context(), env, relation("t", given...))
	if err == nil {
		src.Close()
		t.Errorf("%v: taken, want %s", given, code)
		return
	}
	switch e := sqlerr.From(err); {
	case e.Code != code || !strings.Contains(e.Message+" "+e.Hint, words):
		t.Errorf("%v: %s %s (%s), want %s %q", given, e.Code, e.Message, e.Hint, code, words)
	case strings.Contains(e.Message+e.Detail+e.Hint, "hidden"):
		t.Errorf("%v: the error shows the secret: %+v", given, e)
	case e.Hint == "" && code != sqlerr.WrongObjectType && code != sqlerr.ProgramLimitExceeded:
		t.Errorf("%v: %s has no hint", given, e.Message)
	}
}
