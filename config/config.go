// Package config reads the server's YAML: a tree of known keys, each with its
// unit and default, an unknown one refused with the nearest that is known. It
// knows nothing of what the settings do.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Config is the whole configuration. The yaml tags are the keys as written;
// nested maps and dotted keys are the same (`kafka: {brokers: x}`,
// `kafka.brokers: x`).
type Config struct {
	// Brokers (kafka.brokers, or KAFKA_BROKERS) is the list that a Kafka stream
	// without bootstrap.servers uses: host:port, separated by commas.
	Brokers string
	// Kafka (kafka.*) are options of Kafka's streams and sinks that do not give them. Those
	// of security are for the streams and sinks that are of Brokers.
	Kafka   []KafkaOption
	Server  Server
	Auth    Auth
	SQL     SQL
	Jobs    Jobs
	Storage Storage
	File    File
	HTTP    HTTP
	// Root (config.root) is the folder under which the files lie that config_file of a
	// stream or sink may name. Default: that of this configuration's file; none: no such
	// file is read.
	Root string

	path string
}

// Server says where the gateway listens.
type Server struct {
	Listen  string // server.listen: the Postgres wire; 127.0.0.1:7432
	HTTP    string // server.http: health, readiness and metrics; 127.0.0.1:8080
	Metrics string // server.metrics: the same endpoints once more; off
	// MaxConnections (server.max_connections) caps sockets; past it 53300. 1000.
	MaxConnections int
	// LogFormat (server.log_format) is text or json. text.
	LogFormat string
	// InsecureTrustRemote (server.insecure_trust_remote) allows trust
	// authentication on an address that is not loopback. false.
	InsecureTrustRemote bool
	TLS                 TLS
}

// TLS are the files of the wire's certificate. They are read again when they change.
type TLS struct {
	CertFile     string // server.tls.cert_file, PEM, with the chain; none: no TLS
	KeyFile      string // server.tls.key_file
	ClientCAFile string // server.tls.client_ca_file: who signs client certificates
}

// Auth says who may connect.
type Auth struct {
	// HBA (auth.hba) are rules as in pg_hba.conf, the first that fits decides:
	// "hostssl all +staff 10.0.0.0/8 scram-sha-256". Default: everyone gives a
	// password where the superuser has one by FERRIS_SUPERUSER_PASSWORD or
	// FERRIS_SUPERUSER_PASSWORD_FILE, else this machine is trusted.
	HBA []string
	// Superuser (auth.superuser) is the first administrator. ferris.
	Superuser string
}

// SQL bounds what statements may use.
type SQL struct {
	// AllowedEnv (sql.allowed_env) are the variables of the environment that a
	// declaration may name for a secret. Default: none.
	AllowedEnv []string
	// MaxMemoryMB (sql.max_memory_mb) is the process's memory limit. 2048.
	MaxMemoryMB int64
	// QueryMemoryLimitMB (sql.query_memory_limit_mb) is one statement's. 256.
	QueryMemoryLimitMB int64
	// TableMemoryMB (sql.table_memory_mb) is what pages of tables may take that are
	// in the store too: those that nobody has read for longest are dropped past it
	// and read again when they are wanted. 0: half of sql.max_memory_mb. 0.
	TableMemoryMB int64
	// EnableSpillToDisk (sql.enable_spill_to_disk) lets statements write to disk
	// what their memory limit has no room for; else that is 53200. true.
	EnableSpillToDisk bool
	// SpillDirectory (sql.spill_directory) is where. Default: the folder spill in
	// the data directory, or, where there is none, one in the system's for
	// temporary files.
	SpillDirectory string
	// SpillLimitMB (sql.spill_limit_mb) is the most that all statements may have
	// there at one time; past it 53100. 0: no limit. 10240.
	SpillLimitMB int64
	// SpillThresholdRatio (sql.spill_threshold_ratio) is the part of a memory
	// limit that is filled before anything is written. 0.8.
	SpillThresholdRatio float64
	// RequireExplicitTypes (sql.require_explicit_types) refuses a source or sink
	// whose type would have to be inferred from its keys. false.
	RequireExplicitTypes bool
}

// Jobs bounds jobs.
type Jobs struct {
	// MaxRestartAttempts (jobs.max_restart_attempts) is how often a job that
	// failed is started again before it stays failed. 3.
	MaxRestartAttempts int
	// RestartDelay (jobs.restart_delay_ms) is the pause before each. 5000 ms.
	RestartDelay time.Duration
}

// Storage says where and how often state is kept.
type Storage struct {
	// DataDir (storage.data_dir) holds the catalog, state and tables.
	DataDir string
	// CheckpointInterval (storage.checkpoint_interval_ms) is a job's epoch. 1000 ms.
	CheckpointInterval time.Duration
}

// File says what file sources and sinks may touch.
type File struct {
	// Roots (file.roots) are folders, their own subfolders included. Default: the
	// data directory and the working directory.
	Roots []string
}

// HTTP says where requests may go.
type HTTP struct {
	// Allow (http.allow) are the hosts that HTTP streams, S3 endpoints, schema registries and endpoints of tokens may name: a
	// host, with or without its port, *.domain, or *. Default: none, and Amazon's own
	// endpoints of S3.
	Allow []string
}

// Default is the configuration where nothing is written.
func Default() *Config {
	return &Config{
		Server:  Server{Listen: "127.0.0.1:7432", HTTP: "127.0.0.1:8080", MaxConnections: 1000, LogFormat: "text"},
		Auth:    Auth{Superuser: "ferris"},
		SQL:     SQL{MaxMemoryMB: 2048, QueryMemoryLimitMB: 256, EnableSpillToDisk: true, SpillLimitMB: 10240, SpillThresholdRatio: 0.8},
		Jobs:    Jobs{MaxRestartAttempts: 3, RestartDelay: 5 * time.Second},
		Storage: Storage{CheckpointInterval: time.Second},
	}
}

// Load reads a file over the defaults, and then the environment over the file.
// path "" reads only the environment.
func Load(path string, getenv func(string) string) (*Config, error) {
	c := Default()
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the configuration: %w", err)
		}
		if err := c.parse(text); err != nil {
			return nil, fmt.Errorf("reading the configuration %s: %w", path, err)
		}
		c.path = path
	}
	if v := getenv("KAFKA_BROKERS"); v != "" {
		c.Brokers = v
	}
	return c, c.check()
}

// SpillDirectory is sql.spill_directory made absolute, or its default.
func (c *Config) SpillDirectory() (string, error) {
	dir := c.SQL.SpillDirectory
	switch {
	case dir != "":
	case c.Storage.DataDir != "":
		dir = filepath.Join(c.Storage.DataDir, "spill")
	default:
		dir = filepath.Join(os.TempDir(), "ferris-spill-"+strconv.Itoa(os.Getuid()))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolving sql.spill_directory %s: %w", dir, err)
	}
	return abs, nil
}

// FileRoots are file.roots made absolute, or the default: the data directory and
// the working directory.
func (c *Config) FileRoots() ([]string, error) {
	roots := c.File.Roots
	if len(roots) == 0 {
		wd, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("finding the working directory: %w", err)
		}
		roots = []string{wd}
		if c.Storage.DataDir != "" {
			roots = append(roots, c.Storage.DataDir)
		}
	}
	abs := make([]string, len(roots))
	for i, r := range roots {
		a, err := filepath.Abs(r)
		if err != nil {
			return nil, fmt.Errorf("resolving file.roots %s: %w", r, err)
		}
		abs[i] = a
	}
	return abs, nil
}

// OptionRoot is config.root made absolute, or its default; "": there is none.
func (c *Config) OptionRoot() (string, error) {
	root := c.Root
	switch {
	case root != "":
	case c.path != "":
		root = filepath.Dir(c.path)
	default:
		return "", nil
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("resolving config.root %s: %w", root, err)
	}
	return abs, nil
}

// TableMemory is what pages of tables may take, in bytes.
func (c *Config) TableMemory() int64 {
	if c.SQL.TableMemoryMB > 0 {
		return c.SQL.TableMemoryMB << 20
	}
	return c.SQL.MaxMemoryMB << 20 / 2
}

func (c *Config) check() error {
	for _, bound := range []struct {
		key   string
		value int64
		least int64
	}{
		{"server.max_connections", int64(c.Server.MaxConnections), 1},
		{"sql.max_memory_mb", c.SQL.MaxMemoryMB, 64},
		{"sql.query_memory_limit_mb", c.SQL.QueryMemoryLimitMB, 1},
		{"sql.spill_limit_mb", c.SQL.SpillLimitMB, 0},
		{"sql.table_memory_mb", c.SQL.TableMemoryMB, 0},
		{"jobs.max_restart_attempts", int64(c.Jobs.MaxRestartAttempts), 0},
		{"jobs.restart_delay_ms", c.Jobs.RestartDelay.Milliseconds(), 0},
		{"storage.checkpoint_interval_ms", c.Storage.CheckpointInterval.Milliseconds(), 10},
	} {
		if bound.value < bound.least {
			return fmt.Errorf("%s is %d, the least is %d", bound.key, bound.value, bound.least)
		}
	}
	if c.Auth.Superuser == "" {
		return fmt.Errorf("auth.superuser is empty")
	}
	if f := c.Server.LogFormat; f != "text" && f != "json" {
		return fmt.Errorf("server.log_format is %q, expected text or json", f)
	}
	return nil
}
