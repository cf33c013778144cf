package s3

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// readCredentials makes what credentials are taken from. Nothing is asked yet.
func (c *config) readCredentials(v *stream.Values, rel *catalog.Relation) error {
	id, secret, token := v.String("access_key_id"), v.String("secret_access_key"), v.String("session_token")
	c.how = v.Enum("credentials", "auto", "keys", "environment", "file", "iam", "anonymous")
	if (id == "") != (secret == "") {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q has one of access_key_id and secret_access_key", rel.Name).WithHint("Give both, or neither.")
	}
	if c.how == "auto" && id != "" {
		c.how = "keys"
	}
	ch := &chain{config: *c, profile: v.String("profile")}
	switch c.how {
	case "keys":
		if id == "" {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "credentials = 'keys' of %q has no keys", rel.Name).WithHint("Give access_key_id and secret_access_key.")
		}
		c.creds = credentials.NewStaticV4(id, secret, token)
		return nil
	case "anonymous":
		c.creds = credentials.NewStaticV4("", "", "")
		return nil
	case "environment":
		ch.places = []place{ch.environment}
	case "file":
		ch.places = []place{ch.file}
	case "iam":
		ch.places = []place{ch.webIdentity, ch.container, ch.instance}
	default:
		ch.places = []place{ch.environment, ch.webIdentity, ch.file, ch.container, ch.instance}
	}
	c.creds = credentials.New(ch)
	return nil
}

// chain takes credentials from the first place that has some, in the order of AWS's own
// tools. A place that somebody has set up decides: where it fails, that is the error, and
// no place behind it is asked, whose credentials would be somebody else's.
type chain struct {
	config  config
	profile string
	places  []place
	current credentials.Provider // whose credentials are used; nil: none has been found
}

// place asks one place. An absent error: nothing is there, and the next one is asked.
type place func(cc *credentials.CredContext) (found credentials.Provider, value credentials.Value, err error)

// absent is why a place has no credentials, where nobody has said that it has some.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

// Retrieve is credentials.Provider's.
func (ch *chain) Retrieve() (credentials.Value, error) { return ch.RetrieveWithCredContext(nil) }

// IsExpired is credentials.Provider's.
func (ch *chain) IsExpired() bool { return ch.current == nil || ch.current.IsExpired() }

// RetrieveWithCredContext is credentials.Provider's.
func (ch *chain) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	ch.current = nil
	if cc == nil {
		cc = &credentials.CredContext{}
	}
	var why []string
	for _, ask := range ch.places {
		found, value, err := ask(cc)
		var none absent
		switch {
		case errors.As(err, &none):
			why = append(why, none.why)
		case err != nil:
			return credentials.Value{}, err
		default:
			ch.current = found
			return value, nil
		}
	}
	return credentials.Value{}, sqlerr.Errorf(sqlerr.InvalidPassword, "there are no credentials for %q: %s", ch.config.relation, strings.Join(why, "; ")).
		WithHint("Give access_key_id and secret_access_key, set up one of these for the server, or, where everybody may read the bucket, credentials = 'anonymous'.")
}

// failed words an error of a place that is set up. The store is asked again later where
// it may pass by itself.
func (ch *chain) failed(where string, err error, hint string) error {
	var said *sqlerr.Error
	if errors.As(err, &said) { // the guard of link-local addresses
		return sqlerr.Errorf(said.Code, "credentials for %q, %s: %s", ch.config.relation, where, said.Message).WithHint("%s", said.Hint)
	}
	return sqlerr.Errorf(sqlerr.ConnectionFailure, "credentials for %q, %s: %w", ch.config.relation, where, err).WithHint("%s", hint)
}

// environment has keys in the server's environment.
func (ch *chain) environment(cc *credentials.CredContext) (credentials.Provider, credentials.Value, error) {
	p := &credentials.EnvAWS{}
	v, err := p.RetrieveWithCredContext(cc)
	switch {
	case err != nil:
		return nil, v, ch.failed("of the environment", err, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
	case v.AccessKeyID == "" && v.SecretAccessKey == "":
		return nil, v, absent{"AWS_ACCESS_KEY_ID is not set"}
	case v.AccessKeyID == "" || v.SecretAccessKey == "":
		return nil, v, sqlerr.Errorf(sqlerr.InvalidPassword, "credentials for %q: one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set", ch.config.relation).
			WithHint("Set both for the server, or neither.")
	}
	return p, v, nil
}

// file has a profile of the shared files.
func (ch *chain) file(cc *credentials.CredContext) (credentials.Provider, credentials.Value, error) {
	profile := cmp.Or(ch.profile, os.Getenv("AWS_PROFILE"))
	p := &credentials.FileAWSCredentials{Profile: profile}
	v, err := p.RetrieveWithCredContext(ch.over(cc, http.ProxyFromEnvironment))
	name := cmp.Or(profile, "default")
	switch {
	case err != nil && profile == "":
		return nil, v, absent{fmt.Sprintf("profile default of the shared credentials file: %v", err)}
	case err != nil:
		return nil, v, ch.failed(fmt.Sprintf("profile %q of the shared credentials file", name), err,
			"Check profile, AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE; the server's user must be able to read the file.")
	case v.AccessKeyID != "":
		return p, v, nil
	case profile == "":
		return nil, v, absent{"profile default of the shared credentials file has no keys"}
	}
	return nil, v, sqlerr.Unsupported("Profiles have aws_access_key_id and aws_secret_access_key, sso_role_name or credential_process. "+
		"For a role of another profile (role_arn, source_profile) write: credential_process = aws configure export-credentials --profile NAME.",
		"profile %q of the shared credentials file, which has no keys, is not supported for %q", name, ch.config.relation)
}

// webIdentity exchanges a token for keys of a role: IRSA, of Kubernetes.
func (ch *chain) webIdentity(cc *credentials.CredContext) (credentials.Provider, credentials.Value, error) {
	token, role := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), os.Getenv("AWS_ROLE_ARN")
	if token == "" {
		return nil, credentials.Value{}, absent{"AWS_WEB_IDENTITY_TOKEN_FILE is not set"}
	}
	if role == "" {
		return nil, credentials.Value{}, sqlerr.Errorf(sqlerr.InvalidPassword, "credentials for %q: AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not", ch.config.relation).
			WithHint("Set AWS_ROLE_ARN to the role that the token is exchanged for.")
	}
	p := &credentials.IAM{Endpoint: os.Getenv("AWS_ENDPOINT_URL_STS"), Region: cmp.Or(ch.config.region, os.Getenv("AWS_DEFAULT_REGION"))}
	v, err := p.RetrieveWithCredContext(ch.over(cc, http.ProxyFromEnvironment))
	if err != nil {
		return nil, v, ch.failed("of the web identity, for role "+role, err, "Check that the token of AWS_WEB_IDENTITY_TOKEN_FILE is valid, that the role trusts its issuer, and that STS is reached.")
	}
	return p, v, nil
}

// container has the role of a task of ECS, or of a pod.
func (ch *chain) container(cc *credentials.CredContext) (credentials.Provider, credentials.Value, error) {
	if os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == "" && os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") == "" {
		return nil, credentials.Value{}, absent{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set"}
	}
	p := &credentials.IAM{}
	v, err := p.RetrieveWithCredContext(ch.over(cc, nil))
	if err != nil {
		return nil, v, ch.failed("of the container's role", err, "Check AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI of the server's environment.")
	}
	return p, v, nil
}

// instance has the role of the machine.
func (ch *chain) instance(cc *credentials.CredContext) (credentials.Provider, credentials.Value, error) {
	if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return nil, credentials.Value{}, absent{"AWS_EC2_METADATA_DISABLED is set"}
	}
	p := &credentials.IAM{Endpoint: strings.TrimSuffix(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "/")}
	v, err := p.RetrieveWithCredContext(ch.over(cc, nil))
	if err == nil {
		return p, v, nil
	}
	if said := sqlerr.From(err); said.Code == sqlerr.InsufficientPrivilege && ch.config.how == "auto" {
		return nil, v, absent{fmt.Sprintf("the role of the machine: %s (http.allow must name it)", said.Message)}
	}
	return nil, v, ch.failed("of the machine's role", err, "Check that the machine has a role, and that it may be asked for (hop limit of its metadata); give access_key_id and secret_access_key where it has none.")
}

// metadataTimeout is how long a service that gives credentials may take.
const metadataTimeout = 5 * time.Second

// over is a context whose requests keep to the guard of link-local addresses, and trust
// the system's authorities: tls.ca_file is the store's. proxy is nil for services of the
// machine's own, which no proxy reaches.
func (ch *chain) over(cc *credentials.CredContext, proxy func(*http.Request) (*url.URL, error)) *credentials.CredContext {
	own := *cc
	own.Client = &http.Client{Timeout: metadataTimeout, Transport: &http.Transport{
		Proxy:             proxy,
		DialContext:       object.Dialer(ch.config.allow, metadataTimeout),
		DisableKeepAlives: true, // they are asked once in some hours
	}}
	return &own
}
