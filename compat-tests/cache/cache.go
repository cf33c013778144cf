// Package cache finds what compat-tests/install.sh has fetched for the tests.
package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Dir is $FERRIS_CACHE, else ferrisstreams under the user's cache, as install.sh has it.
func Dir() (string, error) {
	if dir := os.Getenv("FERRIS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the tests' cache (set FERRIS_CACHE): %w", err)
	}
	return filepath.Join(home, ".cache", "ferrisstreams"), nil
}

// Jars is a class path of every jar of a product, at the version that the property
// product.version of a pom.xml names.
func Jars(pom, product string) (string, error) {
	version := regexp.MustCompile(`<` + product + `\.version>(.*)</` + product + `\.version>`).FindStringSubmatch(pom)
	if version == nil {
		return "", fmt.Errorf("finding %s: pom.xml has no %[1]s.version", product)
	}
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, product+"-"+version[1])
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("%s is not installed; run compat-tests/install.sh (make deps; some of it is fetched with FERRIS_TIER=long alone): %w", product, err)
	}
	return filepath.Join(dir, "*"), nil
}
