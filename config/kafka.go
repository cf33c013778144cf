package config

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// KafkaOption is an option of Kafka's streams and sinks that counts where these do not
// give it.
type KafkaOption struct {
	Setting    string // as the file writes it: kafka.producer.linger_ms
	Key, Value string // as a declaration writes it: linger.ms
	Line       int    // of the file
}

// Where is the place of an option in the file, as messages have it.
func (c *Config) Where(o KafkaOption) string {
	return fmt.Sprintf("%s: line %d: %s", c.path, o.Line, o.Setting)
}

// kafkaSetting is the option that a setting is.
type kafkaSetting struct {
	of    *[]KafkaOption
	key   string
	hosts bool // it is true or false, for https or none
}

// set keeps what a file says. A setting that has two names has one value.
func (k kafkaSetting) set(name string, n *yaml.Node) error {
	var value string
	if err := text(n, &value); err != nil {
		return err
	}
	if k.hosts {
		on := false
		if err := boolean(n, &on); err != nil {
			return err
		}
		value = map[bool]string{true: "https", false: "none"}[on]
	}
	at := slices.IndexFunc(*k.of, func(o KafkaOption) bool { return o.Key == k.key })
	switch {
	case at < 0:
		*k.of = append(*k.of, KafkaOption{name, k.key, value, n.Line})
	case (*k.of)[at].Value != value:
		return fmt.Errorf("%s is the same setting, and has another value", (*k.of)[at].Setting)
	}
	return nil
}

// kafkaOptions are the settings by the options that they are.
var kafkaOptions = []struct {
	option, help string
	names        []string
}{
	{"security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, of kafka.brokers", []string{"security_protocol"}},
	{"ssl.ca.location", "certificate authorities of kafka.brokers; without it the system's", []string{"ssl.ca_location"}},
	{"ssl.certificate.location", "the client's certificate", []string{"ssl.certificate_location"}},
	{"ssl.key.location", "the client's key", []string{"ssl.key_location"}},
	{"sasl.mechanism", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI, of kafka.brokers", []string{"sasl.mechanism", "sasl_mechanisms"}},
	{"sasl.username", "the user", []string{"sasl.username"}},
	{"sasl.username_env", "variable of the environment that has the user", []string{"sasl.username_env"}},
	{"sasl.username_file", "file that has the user", []string{"sasl.username_file"}},
	{"sasl.password_env", "variable of the environment that has the password", []string{"sasl.password_env"}},
	{"sasl.password_file", "file that has the password", []string{"sasl.password_file"}},
	{"sasl.kerberos.principal", "GSSAPI: the principal", []string{"sasl.kerberos.principal"}},
	{"sasl.kerberos.keytab", "GSSAPI: its keytab", []string{"sasl.kerberos.keytab"}},
	{"sasl.kerberos.service.name", "GSSAPI: the first part of the brokers' principals", []string{"sasl.kerberos.service_name"}},
	{"sasl.kerberos.krb5.conf", "GSSAPI: the krb5.conf; without it the system's", []string{"sasl.kerberos.krb5_conf"}},

	{"fetch.min.bytes", "what a broker gathers before it answers", []string{"fetch_min_bytes", "consumer.fetch_min_bytes"}},
	{"fetch.max.wait.ms", "how long it gathers", []string{"fetch_max_wait_ms", "consumer.fetch_max_wait_ms"}},
	{"max.partition.fetch.bytes", "the most of one partition in an answer", []string{"max_partition_fetch_bytes", "consumer.max_partition_fetch_bytes"}},
	{"max.poll.records", "the most records that are read in one go", []string{"max_poll_records", "consumer.max_poll_records"}},
	{"session.timeout.ms", "accepted; there is no session", []string{"session_timeout_ms", "consumer.session_timeout_ms"}},
	{"heartbeat.interval.ms", "accepted, likewise", []string{"heartbeat_interval_ms", "consumer.heartbeat_interval_ms"}},
	{"enable.auto.commit", "false alone: offsets are committed with each epoch", []string{"consumer.enable_auto_commit"}},
	{"isolation.level", "read_committed or read_uncommitted", []string{"consumer.isolation_level"}},

	{"acks", "of sinks: all, 1 or 0", []string{"acks", "producer.acks"}},
	{"enable.idempotence", "of sinks: true needs acks: all", []string{"enable_idempotence", "producer.enable_idempotence"}},
	{"retries", "of sinks: how often a record is tried again, without enable_idempotence", []string{"retries", "producer.retries"}},
	{"batch.size", "of sinks: the most bytes of a batch", []string{"batch_size", "producer.batch_size"}},
	{"linger.ms", "of sinks: how long a batch waits for more records", []string{"linger_ms", "producer.linger_ms"}},
	{"buffer.memory", "of sinks: the most bytes of records that wait to be sent", []string{"buffer_memory", "producer.buffer_memory"}},
	{"compression.type", "of sinks: none, gzip, snappy, lz4 or zstd", []string{"compression_type", "producer.compression_type"}},
}

// kafkaKeys are the settings of kafka that are options.
func kafkaKeys() []Key {
	var all []Key
	for _, o := range kafkaOptions {
		for i, name := range o.names {
			help := o.help
			if i > 0 {
				help = "kafka." + o.names[0]
			}
			all = append(all, Key{"kafka." + name, help, func(c *Config) any { return kafkaSetting{&c.Kafka, o.option, false} }})
		}
	}
	for _, name := range []string{"kafka.ssl_verify_hostname", "kafka.ssl_check_hostname"} {
		all = append(all, Key{name, "false: who signed a broker's certificate is checked, and not whose it is", func(c *Config) any {
			return kafkaSetting{&c.Kafka, "ssl.endpoint.identification.algorithm", true}
		}})
	}
	return all
}

// sorted are keys by name.
func sorted(all []Key) []Key {
	slices.SortFunc(all, func(a, b Key) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// refused are settings of other clients that mean nothing here, each with what to do.
var refused = map[string]string{
	"kafka.consumer_timeout_ms":              "leave it out: a SELECT ends at what its topics hold, and a job waits for records",
	"kafka.auto_commit_interval_ms":          "set storage.checkpoint_interval_ms: offsets are committed with each epoch",
	"kafka.consumer.auto_commit_interval_ms": "set storage.checkpoint_interval_ms: offsets are committed with each epoch",
	"kafka.consumer.receive_buffer_bytes":    "leave it out: the system sizes the buffers of sockets by what they carry",
	"kafka.consumer.send_buffer_bytes":       "leave it out: the system sizes the buffers of sockets by what they carry",
	"kafka.receive_buffer_bytes":             "leave it out: the system sizes the buffers of sockets by what they carry",
	"kafka.send_buffer_bytes":                "leave it out: the system sizes the buffers of sockets by what they carry",
	"kafka.producer.send_buffer_bytes":       "leave it out: the system sizes the buffers of sockets by what they carry",
	"kafka.ssl.key_password_env":             "keep the key without a password, where the server alone may read it: openssl pkey -in key.pem -out plain.pem",
	"kafka.ssl.key_password":                 "keep the key without a password, where the server alone may read it: openssl pkey -in key.pem -out plain.pem",
	"kafka.sasl.password":                    "name a variable of the environment in kafka.sasl.password_env, or a file in kafka.sasl.password_file",
}
