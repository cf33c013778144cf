package config

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func load(t *testing.T, text string, env map[string]string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ferris.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, func(k string) string { return env[k] })
}

func TestLoad(t *testing.T) {
	got, err := load(t, `
kafka:
  brokers: a:9092,b:9092
server.listen: 127.0.0.1:6000
server:
  log_format: json
sql: {max_memory_mb: 512, query_memory_limit_mb: 32, enable_spill_to_disk: false, spill_directory: /fast, spill_limit_mb: 0, spill_threshold_ratio: 0.25, table_memory_mb: 16}
jobs: {max_restart_attempts: 0, restart_delay_ms: 10}
storage.checkpoint_interval_ms: 250
file.roots: [/data, /in]
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Brokers = "a:9092,b:9092"
	want.Server.Listen = "127.0.0.1:6000"
	want.Server.LogFormat = "json"
	want.SQL.MaxMemoryMB, want.SQL.QueryMemoryLimitMB = 512, 32
	want.SQL.EnableSpillToDisk, want.SQL.SpillDirectory, want.SQL.SpillLimitMB, want.SQL.SpillThresholdRatio = false, "/fast", 0, 0.25
	want.SQL.TableMemoryMB = 16
	want.Jobs.MaxRestartAttempts, want.Jobs.RestartDelay = 0, 10*time.Millisecond
	want.Storage.CheckpointInterval = 250 * time.Millisecond
	want.File.Roots = []string{"/data", "/in"}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
}

// TestKafkaOptions: settings of kafka become the options that they are.
func TestKafkaOptions(t *testing.T) {
	got, err := load(t, `
kafka:
  security_protocol: SASL_SSL
  ssl.ca_location: /app/certs/ca-cert.pem
  ssl_verify_hostname: true
  ssl_check_hostname: true
  sasl: {mechanism: SCRAM-SHA-512, username_env: KAFKA_SASL_USERNAME}
  consumer:
    enable_auto_commit: false
    fetch_min_bytes: 100000
  producer: {linger_ms: 10, acks: "1"}
  acks: 1
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []KafkaOption{
		{"kafka.security_protocol", "security.protocol", "SASL_SSL", 3},
		{"kafka.ssl.ca_location", "ssl.ca.location", "/app/certs/ca-cert.pem", 4},
		{"kafka.ssl_verify_hostname", "ssl.endpoint.identification.algorithm", "https", 5},
		{"kafka.sasl.mechanism", "sasl.mechanism", "SCRAM-SHA-512", 7},
		{"kafka.sasl.username_env", "sasl.username_env", "KAFKA_SASL_USERNAME", 7},
		{"kafka.consumer.enable_auto_commit", "enable.auto.commit", "false", 9},
		{"kafka.consumer.fetch_min_bytes", "fetch.min.bytes", "100000", 10},
		{"kafka.producer.linger_ms", "linger.ms", "10", 11},
		{"kafka.producer.acks", "acks", "1", 11},
	}
	if diff := cmp.Diff(want, got.Kafka); diff != "" {
		t.Error(diff)
	}
}

func TestTableMemory(t *testing.T) {
	c := Default()
	if got, want := c.TableMemory(), c.SQL.MaxMemoryMB<<20/2; got != want {
		t.Errorf("where nothing is set, tables may take %d bytes, want %d", got, want)
	}
	c.SQL.TableMemoryMB = 3
	if got := c.TableMemory(); got != 3<<20 {
		t.Errorf("tables may take %d bytes, want %d", got, 3<<20)
	}
}

func TestEnvironmentOverFile(t *testing.T) {
	got, err := load(t, "kafka.brokers: file:1", map[string]string{"KAFKA_BROKERS": "env:2"})
	if err != nil || got.Brokers != "env:2" {
		t.Errorf("brokers %q, %v; want env:2", got.Brokers, err)
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"server:\n  lisen: x":                                        `line 2: unknown key "server.lisen"; did you mean "server.listen"?`,
		"kafka.brokers: x\nkafka: {brokers: y}":                      `key "kafka.brokers" stands at line 1 already`,
		"sql.max_memory_mb: lots":                                    `line 1: sql.max_memory_mb: "lots" is not a whole number`,
		"sql.max_memory_mb: 3":                                       "sql.max_memory_mb is 3, the least is 64",
		"server.log_format: xml":                                     `server.log_format is "xml", expected text or json`,
		"sql.spill_threshold_ratio: 80":                              `line 1: sql.spill_threshold_ratio: "80" is not a number above 0 and at most 1`,
		"sql.spill_limit_mb: -1":                                     "sql.spill_limit_mb is -1, the least is 0",
		"- a":                                                        "line 1: expected keys and values, got a sequence",
		"file.roots: /x":                                             "line 1: file.roots: expected a list, got a scalar",
		"server: 5":                                                  "line 1: server: expected a mapping of keys, got a scalar",
		"sql:\n  max_memory_mb: 64\nserver: [1]":                     "line 3: server: expected a mapping of keys, got a sequence",
		"server: {listen: [a]}":                                      "line 1: server.listen: expected one value, got a sequence",
		"server: {listen: }":                                         "line 1: server.listen: expected one value, got nothing",
		"servers: [1]":                                               `line 1: unknown key "servers"`,
		"storage.checkpoint_interval_ms: 1":                          "storage.checkpoint_interval_ms is 1, the least is 10",
		"server.insecure_trust_remote: sometimes":                    "is not true or false",
		"kafka:\n  acks: 1\n  producer:\n    acks: all":              "line 4: kafka.producer.acks: kafka.acks is the same setting, and has another value",
		"kafka:\n  consumer_timeout_ms: 5000":                        "line 2: kafka.consumer_timeout_ms is not supported: leave it out",
		"kafka: {ssl: {key_password_env: X}}":                        "kafka.ssl.key_password_env is not supported: keep the key without a password",
		"kafka: {sasl: {password: X}}":                               "kafka.sasl.password_env",
		"kafka: {ssl_verify_hostname: true, ssl_check_hostname: no}": "kafka.ssl_check_hostname: kafka.ssl_verify_hostname is the same setting",
		"kafka: {ssl_verify_hostname: maybe}":                        "is not true or false",
		"kafka: {linger_ms: [5]}":                                    "kafka.linger_ms: expected one value, got a sequence",
	} {
		_, err := load(t, text, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func TestSections(t *testing.T) {
	got, err := load(t, "jobs:\nserver: &s\n  log_format: json\nfile:\n  # roots: [/x]\n", nil)
	if err != nil || got.Server.LogFormat != "json" {
		t.Errorf("a section without keys: %v", err)
	}
}

func TestKeysAreSorted(t *testing.T) {
	if !sort.SliceIsSorted(keys, func(i, j int) bool { return keys[i].Name < keys[j].Name }) {
		t.Error("find searches keys by bisection: they must be sorted")
	}
}
