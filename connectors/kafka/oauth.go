package kafka

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// bearer is where the token of OAUTHBEARER (RFC 7628) comes from: it is given, or an
// endpoint gives it for client credentials (RFC 6749, 4.4).
type bearer struct {
	token, secret           object.Secret
	endpoint, client, scope string
	extensions              string // as they are written: name=value,...
}

const (
	keyToken      = "sasl.oauthbearer.token"
	keyEndpoint   = "sasl.oauthbearer.token.endpoint.url"
	keyClient     = "sasl.oauthbearer.client.id"
	keySecret     = "sasl.oauthbearer.client.secret" //nolint:gosec // a key's name
	keyExtensions = "sasl.oauthbearer.extensions"

	// tokenTimeout is how long an endpoint has for a token; it is less than
	// connectTimeout, so that a statement says what it waited for.
	tokenTimeout = 8 * time.Second
)

var bearerOptions = []stream.Option{
	{Key: keyToken, Help: "OAUTHBEARER: the token"},
	{Key: keyToken + "_env", Help: "the variable of the server's environment that has " + keyToken + ", one of sql.allowed_env"},
	{Key: keyToken + "_file", Help: "a file that has " + keyToken + ", under file.roots; it is read again each time a connection authenticates"},
	{Key: keyEndpoint, Help: "OAUTHBEARER: in place of a token the http or https URL that gives tokens for client credentials; http.allow must name its host. A token is kept until a tenth of its time, 10 s at least, is left"},
	{Key: keyClient, Help: "the client that asks there"},
	{Key: keySecret, Help: "its secret"},
	{Key: keySecret + "_env", Help: "the variable of the server's environment that has " + keySecret + ", one of sql.allowed_env"},
	{Key: keySecret + "_file", Help: "a file that has " + keySecret + ", under file.roots; it is read again each time a token is asked for"},
	{Key: "sasl.oauthbearer.scope", Help: "what the token is asked for, several scopes parted by blanks"},
	{Key: keyExtensions, Help: "OAUTHBEARER: what the brokers are told beside the token, such as logicalCluster=lkc-1,identityPoolId=pool-2"},
}

var (
	// extensionName and extensionValue are what Kafka's brokers take.
	extensionName  = regexp.MustCompile(`^[A-Za-z]+$`)
	extensionValue = regexp.MustCompile(`^[\x21-\x7e \t\r\n]+$`)
	// tokenText is what a token may be: nothing that could end it where it is sent.
	tokenText = regexp.MustCompile(`^[\x21-\x7e]+$`)
)

// read takes the options; on says whether the brokers are to have a token.
func (b *bearer) read(v *stream.Values, on bool) {
	b.token, b.secret = object.SecretOf(v, keyToken), object.SecretOf(v, keySecret)
	b.endpoint, b.client, b.scope = v.String(keyEndpoint), v.String(keyClient), v.String("sasl.oauthbearer.scope")
	b.extensions = v.String(keyExtensions)
	if _, ok := extensions(b.extensions); !ok {
		v.Reject(keyExtensions, "name=value, several parted by commas: names of letters, each once, and not auth")
	}
	asks := b.client != "" || b.secret.Given() || b.scope != ""
	switch {
	case !on:
		if b.token.Given() || b.endpoint != "" || asks || b.extensions != "" {
			v.Reject("sasl.mechanism", "OAUTHBEARER, with security.protocol SASL_SSL, where there are keys of sasl.oauthbearer")
		}
	case b.token.Given() && (b.endpoint != "" || asks):
		v.Reject(keyClient, "a client only without "+keyToken+": a token is given, or asked for at "+keyEndpoint)
	case b.token.Given():
	case b.endpoint == "":
		v.Reject("sasl.mechanism", "OAUTHBEARER with "+keyToken+", or with "+keyEndpoint+", "+keyClient+" and "+keySecret)
	case b.client == "" || !b.secret.Given():
		v.Reject(keyClient, "a client, with "+keySecret+", that asks at "+keyEndpoint)
	}
}

// extensions parses name=value pairs; false: they are none that brokers take.
func extensions(text string) (map[string]string, bool) {
	if text == "" {
		return nil, true
	}
	all := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		_, twice := all[name]
		if twice || strings.EqualFold(name, "auth") || !extensionName.MatchString(name) || !extensionValue.MatchString(value) {
			return nil, false
		}
		all[name] = value
	}
	return all, true
}

// mechanism is what a client authenticates with, of a topic that is called so. It fails
// early where the token or the endpoint cannot do.
func (b *bearer) mechanism(env *stream.Env, called string) (sasl.Mechanism, error) {
	m := &bearing{}
	m.extensions, _ = extensions(b.extensions) // read has looked at them
	if b.endpoint == "" {
		m.get = func(context.Context) (string, error) { return b.token.Read(env, called) }
		m.forget = func(string) {}
		_, err := m.get(context.Background())
		return m, err
	}
	u, err := url.Parse(b.endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		// The text is not shown: it may hold a password.
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q of %s", keyEndpoint, called).
			WithHint("It takes such as https://login.example.com/oauth2/token; a client and its secret go in %s and %s.", keyClient, keySecret)
	}
	if err := object.Reachable(u, env.HTTPAllow); err != nil {
		return nil, err
	}
	if _, err := b.secret.Read(env, called); err != nil {
		return nil, err
	}
	g := grant{endpoint: b.endpoint, host: u.Host, client: b.client, scope: b.scope}
	m.get = func(ctx context.Context) (string, error) {
		g := g
		var err error
		if g.secret, err = b.secret.Read(env, called); err != nil {
			return "", err
		}
		return granted.get(g, func() (*oauth2.Token, error) { return g.ask(context.WithoutCancel(ctx), env.HTTPAllow) })
	}
	m.forget = granted.forget
	return m, nil
}

// bearing is the mechanism: get is called for each authentication, also for those again on
// a connection whose session ends (KIP-368), and forget with a token that a broker refused.
type bearing struct {
	get        func(context.Context) (string, error)
	forget     func(token string)
	extensions map[string]string
}

func (m *bearing) Name() string { return "OAUTHBEARER" }

func (m *bearing) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	token, err := m.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !tokenText.MatchString(token) {
		return nil, nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "the token of OAUTHBEARER is not one line of visible ASCII").
			WithHint("A token is such as eyJhbGciOi..., without blanks.")
	}
	_, first, err := oauth.Auth{Token: token, Extensions: m.extensions}.AsMechanism().Authenticate(ctx, host)
	return &borne{forget: func() { m.forget(token) }}, first, err
}

// borne is one authentication.
type borne struct {
	forget  func()
	refused bool
}

// Challenge is sasl.Session's. A broker that refuses a token says so in an answer that is
// to be acknowledged before it ends the exchange with its error (RFC 7628, 3.2.3).
func (s *borne) Challenge(answer []byte) (bool, []byte, error) {
	switch {
	case s.refused:
		return false, nil, sqlerr.Errorf(sqlerr.InvalidPassword, "the broker refused the token of OAUTHBEARER")
	case len(answer) == 0:
		return true, nil, nil
	}
	s.refused = true
	s.forget()
	return false, []byte{1}, nil
}

// grant is what an endpoint is asked with.
type grant struct{ endpoint, host, client, secret, scope string }

// ask asks the endpoint. What it answers is bounded by the library (1 MB).
func (g grant) ask(ctx context.Context, allow []string) (*oauth2.Token, error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: object.Dialer(allow, tokenTimeout), MaxResponseHeaderBytes: 256 << 10,
		DisableKeepAlives: true, // it is asked once in some minutes
	}
	stays := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the secret is the endpoint's alone
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport, Timeout: tokenTimeout, CheckRedirect: stays})
	c := clientcredentials.Config{ClientID: g.client, ClientSecret: g.secret, TokenURL: g.endpoint, Scopes: strings.Fields(g.scope)}
	token, err := c.Token(ctx)
	if err != nil {
		return nil, g.explain(err)
	}
	return token, nil
}

// explain words why there is no token: an outage (class 08), which jobs wait out, or a
// refusal.
func (g grant) explain(err error) error {
	var own *sqlerr.Error
	if errors.As(err, &own) {
		return own
	}
	code, said := sqlerr.UnableToEstablishConnection, err.Error()
	var ue *url.Error
	var answer *oauth2.RetrieveError
	switch {
	case errors.As(err, &answer):
		if said = answer.Response.Status; answer.ErrorCode != "" {
			said = strings.TrimSuffix(answer.ErrorCode+": "+answer.ErrorDescription, ": ")
		}
		if s := answer.Response.StatusCode; s < 500 && s != http.StatusTooManyRequests && s != http.StatusRequestTimeout {
			code = sqlerr.InvalidPassword
		}
	case errors.As(err, &ue):
		said = ue.Err.Error() // without the URL
	}
	for _, secret := range []string{g.secret, url.QueryEscape(g.secret)} {
		said = strings.ReplaceAll(said, secret, "********")
	}
	e := sqlerr.Errorf(code, "%q gave no token to client %q: %.300s", g.host, g.client, said)
	if code == sqlerr.InvalidPassword {
		return e.WithHint("Check %s, %s, %s and sasl.oauthbearer.scope.", keyEndpoint, keyClient, keySecret)
	}
	return e.WithHint("Check that %s gives tokens there.", keyEndpoint)
}
