package s3

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// config says which objects of which store are meant, and how to get at them.
type config struct {
	bucket   string
	key      string   // a key, pattern, folder or template
	raw      bool     // key is what keys begin with, and may end within a name
	host     string   // host:port of the endpoint
	allow    []string // http.allow
	secure   bool
	region   string
	lookup   string // path_style
	creds    *credentials.Credentials
	how      string // where credentials come from, for messages
	sse      encrypt.ServerSide
	tls      *tls.Config
	timeout  time.Duration
	retries  int
	follow   bool
	poll     time.Duration
	relation string
}

// url is what messages call an object.
func (c *config) url(key string) string { return "s3://" + c.bucket + "/" + key }

// amazon is the endpoint where none is given.
const amazon = "https://s3.amazonaws.com"

// readConfig reads what sources and sinks have in common.
func readConfig(env *stream.Env, rel *catalog.Relation, v *stream.Values) (config, error) {
	c := config{relation: rel.Name, region: v.String("region"), timeout: v.Duration("request_timeout"), retries: int(v.Int("request_retries", 0, 100))}
	if c.timeout < 100*time.Millisecond {
		v.Reject("request_timeout", "100ms or more")
	}
	if err := c.readPlace(v, rel); err != nil {
		return c, err
	}
	if err := c.readEndpoint(env, v, rel); err != nil {
		return c, err
	}
	if err := c.readCredentials(v, rel); err != nil {
		return c, err
	}
	if err := c.readEncryption(v, rel); err != nil {
		return c, err
	}
	return c, v.Err()
}

// readPlace reads path, or bucket and prefix.
func (c *config) readPlace(v *stream.Values, rel *catalog.Relation) error {
	p := v.String("path")
	c.bucket, c.key, c.raw = v.String("bucket"), v.String("prefix"), true
	if p != "" {
		rest, ok := strings.CutPrefix(p, "s3://")
		if !ok {
			if rest, ok = strings.CutPrefix(p, "s3a://"); !ok && c.bucket == "" {
				v.Reject("path", "s3://bucket/key, or a key with bucket")
				return v.Err()
			}
		}
		if v.Given("prefix") {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "path and prefix of %q say the same", rel.Name).WithHint("Leave one of them out.")
		}
		if !ok {
			c.key = strings.TrimPrefix(p, "/")
		} else {
			bucket, key, _ := strings.Cut(rest, "/")
			if c.bucket != "" && c.bucket != bucket {
				return sqlerr.Errorf(sqlerr.InvalidParameterValue, "path and bucket of %q name two buckets, %q and %q", rel.Name, bucket, c.bucket).WithHint("Leave bucket out.")
			}
			c.bucket, c.key = bucket, key
		}
		c.raw = c.key == "" || strings.HasSuffix(c.key, "/")
	}
	if c.bucket == "" {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q names no bucket", rel.Name).WithHint("Write path = 's3://bucket/key', or bucket = '...'.")
	}
	if err := s3utils.CheckValidBucketName(c.bucket); err != nil {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "%q is no name of a bucket: %w", c.bucket, err).
			WithHint("It has 3 to 63 lower-case letters, digits, dots and hyphens.")
	}
	return nil
}

// checkPattern is 22023 for a pattern that is none.
func (c *config) checkPattern() error {
	for _, part := range strings.Split(c.key, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid pattern %q of %q: %w", c.key, c.relation, err).
				WithHint("A [ needs its ]; write [[] for the character itself.")
		}
	}
	return nil
}

func (c *config) readEndpoint(env *stream.Env, v *stream.Values, rel *catalog.Relation) error {
	endpoint := v.String("endpoint")
	given := endpoint != ""
	if !given {
		endpoint = amazon
	} else if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		// The text is not shown: it may hold a password.
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"endpoint\" of %q", rel.Name).
			WithHint("endpoint takes a URL such as https://s3.example.com:9000, without a path; credentials go in access_key_id and secret_access_key.")
	}
	c.host, c.secure, c.allow = u.Host, u.Scheme == "https", env.HTTPAllow
	own := s3utils.IsAmazonEndpoint(*u) && c.secure
	if !own {
		if err := object.Reachable(u, env.HTTPAllow); err != nil {
			return err
		}
		if c.region == "" {
			c.region = "us-east-1"
		}
	}
	switch v.Enum("path_style", "auto", "true", "false") {
	case "true":
		c.lookup = "path"
	case "false":
		c.lookup = "host"
	default:
		if c.lookup = "path"; own {
			c.lookup = "host"
		}
	}
	ca := v.String("tls.ca_file")
	if ca == "" {
		return nil
	}
	p, err := object.Resolve(ca, env.FileRoots)
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(p)
	if err != nil {
		return object.PathError("read", p, err)
	}
	c.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "file %q holds no certificate", p).WithHint("tls.ca_file takes certificates in PEM.")
	}
	return nil
}

func (c *config) readEncryption(v *stream.Values, rel *catalog.Relation) error {
	kms, customer := v.String("sse.kms_key_id"), v.String("sse.customer_secret_key")
	how := v.Enum("sse", "none", "aes256", "kms", "customer")
	if kms != "" && how != "kms" {
		v.Reject("sse.kms_key_id", "a key only with sse = 'kms'")
	}
	var err error
	switch how {
	case "aes256":
		c.sse = encrypt.NewSSE()
	case "kms":
		if c.sse, err = encrypt.NewSSEKMS(kms, nil); err != nil {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"sse.kms_key_id\" of %q: %w", rel.Name, err)
		}
	case "customer":
		key, err := base64.StdEncoding.DecodeString(customer)
		if err != nil || len(key) != 32 {
			// The text is not shown: it is a key.
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"sse.customer_secret_key\" of %q", rel.Name).
				WithHint("sse.customer_secret_key takes 32 bytes in base64.")
		}
		if !c.secure {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "sse = 'customer' of %q would send its key in the clear", rel.Name).WithHint("Use an endpoint of https.")
		}
		if c.sse, err = encrypt.NewSSEC(key); err != nil {
			return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter \"sse.customer_secret_key\" of %q", rel.Name)
		}
	}
	return nil
}

// readable is what a request that reads must have: the key of SSE-C.
func (c *config) readable() encrypt.ServerSide {
	if c.sse != nil && c.sse.Type() == encrypt.SSEC {
		return c.sse
	}
	return nil
}
