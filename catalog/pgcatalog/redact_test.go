package pgcatalog

import "testing"

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1": "SELECT 1",
		"SELECT a FROM t WHERE url = 'https://example.com/x'":                     "SELECT a FROM t WHERE url = 'https://example.com/x'",
		"CREATE USER a PASSWORD 'it''s' LOGIN":                                    "CREATE USER a PASSWORD '********' LOGIN",
		"alter role a password e'x\\'y' valid until 'z'":                          "alter role a password '********' valid until 'z'",
		"ALTER ROLE a PASSWORD $x$pw$x$":                                          "ALTER ROLE a PASSWORD '********'",
		"CREATE USER a PASSWORD 'cut o":                                           "CREATE USER a PASSWORD '********'",
		"WITH ('sasl.password' = 'x', topic = 't', \"sasl.username\"='u')":        "WITH ('sasl.password' = '********', topic = 't', \"sasl.username\"='********')",
		"WITH ('out.schema.registry.token'='x')":                                  "WITH ('out.schema.registry.token'='********')",
		"WITH (connection = 'postgresql://app:pw@db/shop', 'table' = 't')":        "WITH (connection = 'postgresql://app:********@db/shop', 'table' = 't')",
		"WITH (connection = 'jdbc:postgresql://db/shop?user=a&password=p&ssl=x')": "WITH (connection = 'jdbc:postgresql://db/shop?user=a&password=********&ssl=x')",
		"WITH (connection = 'postgresql://db/shop?password%3Dp')":                 "WITH (connection = 'postgresql://db/shop?password%3D********')",
	} {
		if got := redact(text); got != want {
			t.Errorf("redact(%q) = %q, want %q", text, got, want)
		}
	}
}
