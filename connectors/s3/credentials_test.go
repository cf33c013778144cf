package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// services are a store that notes who asks it, and what gives credentials: STS, the
// metadata of a machine, and that of a container.
type services struct {
	*httptest.Server
	asked  []string // of what gives credentials
	who    string   // of the last request to the store: its access key and token
	status int      // of STS and of metadata, 0: they answer
}

func startServices(t *testing.T) *services {
	s := &services{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *services) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/bucket/") {
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ := strings.Cut(rest, "/")
		s.who = strings.TrimSpace(key + " " + r.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("ETag", `"abc"`)
		w.Header().Set("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
		return
	}
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	if s.status != 0 {
		w.WriteHeader(s.status)
		return
	}
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	keys := func(who string) {
		fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"%s","SecretAccessKey":"s","Token":"%[1]s-token","Expiration":"%s"}`, who, until)
	}
	switch {
	case r.URL.Path == "/sts":
		if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("RoleArn") != "arn:aws:iam::1:role/reader" || r.FormValue("WebIdentityToken") != "a-token" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>web</AccessKeyId>`+
			`<SecretAccessKey>s</SecretAccessKey><SessionToken>web-token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, until)
	case r.URL.Path == "/task" && r.Header.Get("Authorization") == "open":
		keys("task")
	case r.URL.Path == "/latest/api/token" && r.Method == http.MethodPut:
		fmt.Fprint(w, "imds")
	case r.Header.Get("X-aws-ec2-metadata-token") != "imds":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/latest/meta-data/iam/security-credentials/":
		fmt.Fprint(w, "reader")
	case r.URL.Path == "/latest/meta-data/iam/security-credentials/reader":
		keys("machine")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestCredentials: which credentials are used of those that there are, in the order of
// AWS's own tools, and what is said where there are none or a place fails.
func TestCredentials(t *testing.T) {
	s := startServices(t)
	dir := t.TempDir()
	write := func(name, content string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	shared := write("credentials", "[default]\naws_access_key_id = base\naws_secret_access_key = s\n[other]\naws_access_key_id = other\naws_secret_access_key = s\naws_session_token = other-token\n"+
		"[role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n[half]\naws_access_key_id = half\n")
	none, token := write("none", ""), write("token", "a-token")
	environment := "AWS_ACCESS_KEY_ID=env AWS_SECRET_ACCESS_KEY=s AWS_SESSION_TOKEN=env-token "
	web := "AWS_ROLE_ARN=arn:aws:iam::1:role/reader AWS_ENDPOINT_URL_STS=" + s.URL + "/sts AWS_WEB_IDENTITY_TOKEN_FILE=" + token + " "
	file := "AWS_SHARED_CREDENTIALS_FILE=" + shared + " "
	task := "AWS_CONTAINER_AUTHORIZATION_TOKEN=open AWS_CONTAINER_CREDENTIALS_FULL_URI=" + s.URL + "/task "
	machine := "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + s.URL + "/ "
	for _, c := range []struct {
		name    string
		options string
		env     string
		allow   string // more of http.allow
		status  int
		who     string
		code    sqlerr.Code
		text    string // of message and hint
	}{
		{name: "keys", options: "access_key_id=key secret_access_key=s session_token=key-token", env: environment, who: "key key-token"},
		{name: "the environment comes first", env: environment + web + file + task + machine, who: "env env-token"},
		{name: "a web identity comes before files", env: web + file + task + machine, who: "web web-token"},
		{name: "files come before roles of the machine", env: file + task + machine, who: "base"},
		{name: "a container's role", env: task + machine, who: "task task-token"},
		{name: "a machine's role", env: machine, who: "machine machine-token"},
		{name: "nobody's", options: "credentials=anonymous", env: environment, who: ""},
		{name: "environment alone", options: "credentials=environment", env: environment + file, who: "env env-token"},
		{name: "file alone", options: "credentials=file", env: environment + file, who: "base"},
		{name: "a profile", options: "credentials=file profile=other", env: file, who: "other other-token"},
		{name: "the profile of the environment", env: file + "AWS_PROFILE=other", who: "other other-token"},
		{name: "iam alone", options: "credentials=iam", env: environment + file + web, who: "web web-token"},
		{name: "iam of a machine", options: "credentials=iam", env: environment + file + machine, who: "machine machine-token"},

		{name: "no environment", options: "credentials=environment", env: file, code: sqlerr.InvalidPassword, text: "AWS_ACCESS_KEY_ID is not set"},
		{name: "half an environment", env: "AWS_ACCESS_KEY_ID=env " + file, code: sqlerr.InvalidPassword, text: "one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set"},
		{name: "no such profile", options: "profile=nosuch", env: file + machine, code: sqlerr.ConnectionFailure, text: `profile "nosuch" of the shared credentials file`},
		{name: "half a profile", options: "profile=half", env: file, code: sqlerr.ConnectionFailure, text: "must both be set"},
		{name: "a profile of a role", options: "profile=role", env: file + machine, code: sqlerr.FeatureNotSupported, text: "credential_process = aws configure export-credentials"},
		{name: "a web identity without a role", env: "AWS_WEB_IDENTITY_TOKEN_FILE=" + token + " " + file, code: sqlerr.InvalidPassword, text: "AWS_ROLE_ARN is not"},
		{name: "a web identity that is refused is not another's", env: web + file + machine, status: http.StatusForbidden, code: sqlerr.ConnectionFailure, text: "for role arn:aws:iam::1:role/reader"},
		{name: "a container's role that fails is not the machine's", env: task + machine, status: http.StatusInternalServerError, code: sqlerr.ConnectionFailure, text: "of the container's role"},
		{name: "a machine without a role", env: machine, status: http.StatusNotFound, code: sqlerr.ConnectionFailure, text: "of the machine's role"},
		{name: "metadata is guarded", code: sqlerr.InvalidPassword, text: `permission denied for host "169.254.169.254"`},
		{name: "no wildcard names metadata", allow: "*", options: "credentials=iam", code: sqlerr.InsufficientPrivilege, text: `permission denied for host "169.254.169.254"`},
		{name: "a container's metadata is guarded", env: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x", code: sqlerr.InsufficientPrivilege, text: `permission denied for host "169.254.170.2"`},
		{name: "no metadata", env: "AWS_EC2_METADATA_DISABLED=true", code: sqlerr.InvalidPassword, text: "credentials = 'anonymous'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, e := range os.Environ() {
				if k, _, _ := strings.Cut(e, "="); strings.HasPrefix(k, "AWS_") {
					t.Setenv(k, "")
				}
			}
			t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // metadata goes by no proxy
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
			t.Setenv("AWS_CONFIG_FILE", none)
			for _, e := range strings.Fields(c.env) {
				k, v, _ := strings.Cut(e, "=")
				t.Setenv(k, v)
			}
			s.asked, s.who, s.status = nil, "unasked", c.status
			rel := &catalog.Relation{Name: "s", Kind: catalog.Stream, Connector: "s3"}
			for _, o := range strings.Fields("path=s3://bucket/x.json region=r request_retries=0 endpoint=" + s.URL + " " + c.options) {
				k, v, _ := strings.Cut(o, "=")
				rel.Options = append(rel.Options, catalog.Option{Key: k, Value: v})
			}
			config, _, err := source(&stream.Env{HTTPAllow: append([]string{"127.0.0.1"}, strings.Fields(c.allow)...)}, rel)
			if err != nil {
				t.Fatal(err)
			}
			st, err := newStore(config)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			_, err = st.stat(t.Context(), "x.json")
			if c.code != "" {
				if e := sqlerr.From(err); err == nil || e.Code != c.code || !strings.Contains(e.Message+" "+e.Hint, c.text) || e.Hint == "" || s.who != "unasked" {
					t.Errorf("%+v, want %s with %q and a hint; the store was asked by %q", err, c.code, c.text, s.who)
				}
				return
			}
			if err != nil || s.who != c.who {
				t.Errorf("the store was asked by %q, want %q: %v", s.who, c.who, err)
			}
			asked := len(s.asked)
			if _, err := st.stat(t.Context(), "x.json"); err != nil || len(s.asked) != asked {
				t.Errorf("credentials were asked for again (%q): %v", s.asked[asked:], err)
			}
		})
	}
}
