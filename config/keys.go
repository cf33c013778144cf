package config

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Key is one setting that a file may hold.
type Key struct {
	Name string
	Help string
	at   func(c *Config) any // a pointer to the setting
}

// Default is the setting as a file would write it where it says nothing; "" where
// that is worked out from other settings, or is nothing.
func (k Key) Default() string {
	switch at := k.at(Default()).(type) {
	case *string:
		return *at
	case *bool:
		return strconv.FormatBool(*at)
	case *int:
		return strconv.Itoa(*at)
	case *int64:
		return strconv.FormatInt(*at, 10)
	case *float64:
		return strconv.FormatFloat(*at, 'g', -1, 64)
	case *time.Duration:
		return strconv.FormatInt(at.Milliseconds(), 10)
	}
	return "" // a list, or Kafka's own
}

// set takes what a file says.
func (k Key) set(c *Config, n *yaml.Node) error {
	switch at := k.at(c).(type) {
	case *string:
		return text(n, at)
	case *[]string:
		return list(n, at)
	case *bool:
		return boolean(n, at)
	case *int:
		return integer(n, at)
	case *int64:
		return integer(n, at)
	case *float64:
		return ratio(n, at)
	case *time.Duration:
		return millis(n, at)
	case kafkaSetting:
		return at.set(k.Name, n)
	}
	panic("a setting of no known kind: " + k.Name)
}

// Keys are all settings, by name.
func Keys() []Key { return keys }

var keys = sorted(append(kafkaKeys(), []Key{
	{"auth.hba", "rules of who may connect and how, as in pg_hba.conf", func(c *Config) any { return &c.Auth.HBA }},
	{"auth.superuser", "name of the first administrator", func(c *Config) any { return &c.Auth.Superuser }},
	{"config.root", "folder of the files that config_file of a stream or sink may name", func(c *Config) any { return &c.Root }},
	{"file.roots", "folders that file sources and sinks may touch", func(c *Config) any { return &c.File.Roots }},
	{"http.allow", "hosts that HTTP, S3, schema registries and endpoints of tokens may have: host, host:port, *.domain or *", func(c *Config) any { return &c.HTTP.Allow }},
	{"jobs.max_restart_attempts", "starts of a job that failed before it stays failed", func(c *Config) any { return &c.Jobs.MaxRestartAttempts }},
	{"jobs.restart_delay_ms", "pause before each such start", func(c *Config) any { return &c.Jobs.RestartDelay }},
	{"kafka.brokers", "brokers of a Kafka stream without bootstrap.servers", func(c *Config) any { return &c.Brokers }},
	{"server.http", "address of health, readiness and metrics", func(c *Config) any { return &c.Server.HTTP }},
	{"server.insecure_trust_remote", "allow trust authentication beyond loopback", func(c *Config) any { return &c.Server.InsecureTrustRemote }},
	{"server.listen", "address of the Postgres wire", func(c *Config) any { return &c.Server.Listen }},
	{"server.log_format", "text or json", func(c *Config) any { return &c.Server.LogFormat }},
	{"server.max_connections", "most connections at once", func(c *Config) any { return &c.Server.MaxConnections }},
	{"server.metrics", "a further address of the HTTP endpoints", func(c *Config) any { return &c.Server.Metrics }},
	{"server.tls.cert_file", "certificate of the Postgres wire, PEM", func(c *Config) any { return &c.Server.TLS.CertFile }},
	{"server.tls.client_ca_file", "authority that client certificates are checked by", func(c *Config) any { return &c.Server.TLS.ClientCAFile }},
	{"server.tls.key_file", "private key of the certificate", func(c *Config) any { return &c.Server.TLS.KeyFile }},
	{"sql.allowed_env", "variables of the environment that declarations may name (auth_token_env)", func(c *Config) any { return &c.SQL.AllowedEnv }},
	{"sql.enable_spill_to_disk", "write to disk what memory has no room for", func(c *Config) any { return &c.SQL.EnableSpillToDisk }},
	{"sql.max_memory_mb", "memory limit of the process", func(c *Config) any { return &c.SQL.MaxMemoryMB }},
	{"sql.query_memory_limit_mb", "memory limit of one statement", func(c *Config) any { return &c.SQL.QueryMemoryLimitMB }},
	{"sql.require_explicit_types", "refuse to infer a connector from its keys", func(c *Config) any { return &c.SQL.RequireExplicitTypes }},
	{"sql.spill_directory", "folder of what memory has no room for", func(c *Config) any { return &c.SQL.SpillDirectory }},
	{"sql.spill_limit_mb", "most that is written there at one time", func(c *Config) any { return &c.SQL.SpillLimitMB }},
	{"sql.spill_threshold_ratio", "part of a memory limit, past which is written", func(c *Config) any { return &c.SQL.SpillThresholdRatio }},
	{"sql.table_memory_mb", "pages of tables that stay in memory; 0: half of max_memory_mb", func(c *Config) any { return &c.SQL.TableMemoryMB }},
	{"storage.checkpoint_interval_ms", "a job's epoch", func(c *Config) any { return &c.Storage.CheckpointInterval }},
	{"storage.data_dir", "folder of the catalog and state", func(c *Config) any { return &c.Storage.DataDir }},
}...))

// parse sets what a file says. Errors name line and key.
func (c *Config) parse(src []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return c.walk("", doc.Content[0], map[string]int{})
}

func (c *Config) walk(prefix string, n *yaml.Node, seen map[string]int) error {
	n = resolve(n)
	switch {
	case n.Kind == yaml.MappingNode:
	case prefix == "":
		return fmt.Errorf("line %d: expected keys and values, got %s", n.Line, kind(n))
	case n.Tag == "!!null": // a section whose keys are all commented out
		return nil
	default:
		return fmt.Errorf("line %d: %s: expected a mapping of keys, got %s", n.Line, prefix, kind(n))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if prefix != "" {
			name = prefix + "." + name
		}
		value := n.Content[i+1]
		k := find(name)
		switch {
		case k != nil:
			if line := seen[name]; line != 0 {
				return fmt.Errorf("line %d: key %q stands at line %d already", n.Content[i].Line, name, line)
			}
			seen[name] = n.Content[i].Line
			if err := k.set(c, value); err != nil {
				return fmt.Errorf("line %d: %s: %w", value.Line, name, err)
			}
		case isPrefix(name):
			if err := c.walk(name, value, seen); err != nil {
				return err
			}
		case refused[name] != "":
			return fmt.Errorf("line %d: %s is not supported: %s", n.Content[i].Line, name, refused[name])
		default:
			return fmt.Errorf("line %d: unknown key %q%s", n.Content[i].Line, name, nearest(name))
		}
	}
	return nil
}

// resolve is what an alias stands for, or the node itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// kind names what a node is, as YAML calls it.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a sequence"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "a scalar"
}

func find(name string) *Key {
	i := sort.Search(len(keys), func(i int) bool { return keys[i].Name >= name })
	if i < len(keys) && keys[i].Name == name {
		return &keys[i]
	}
	return nil
}

func isPrefix(name string) bool {
	for _, k := range keys {
		if strings.HasPrefix(k.Name, name+".") {
			return true
		}
	}
	return false
}

// nearest names the known key with the fewest edits from name.
func nearest(name string) string {
	best, least := "", len(name)/2+2
	for _, k := range keys {
		if d := edits(name, k.Name); d < least {
			best, least = k.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

func scalar(n *yaml.Node) (string, error) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", fmt.Errorf("expected one value, got %s", kind(n))
	}
	return n.Value, nil
}

func text(n *yaml.Node, to *string) error {
	v, err := scalar(n)
	if err == nil {
		*to = v
	}
	return err
}

func list(n *yaml.Node, to *[]string) error {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		return fmt.Errorf("expected a list, got %s", kind(n))
	}
	all := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		v, err := scalar(item)
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	*to = all
	return nil
}

func boolean(n *yaml.Node, to *bool) error {
	v, err := scalar(n)
	if err != nil {
		return err
	}
	switch strings.ToLower(v) {
	case "true", "on", "yes":
		*to = true
	case "false", "off", "no":
		*to = false
	default:
		return fmt.Errorf("%q is not true or false", v)
	}
	return nil
}

func integer[T int | int64](n *yaml.Node, to *T) error {
	v, err := scalar(n)
	if err != nil {
		return err
	}
	i, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not a whole number", v)
	}
	*to = T(i)
	return nil
}

func ratio(n *yaml.Node, to *float64) error {
	v, err := scalar(n)
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f > 0 && f <= 1) {
		return fmt.Errorf("%q is not a number above 0 and at most 1", v)
	}
	*to = f
	return nil
}

func millis(n *yaml.Node, to *time.Duration) error {
	var ms int64
	if err := integer(n, &ms); err != nil {
		return err
	}
	*to = time.Duration(ms) * time.Millisecond
	return nil
}
