//go:build !unix

package parse

import "github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"

// checkDescriptors has nothing to check where the parser does not redirect the
// standard error.
func checkDescriptors() *sqlerr.Error { return nil }
