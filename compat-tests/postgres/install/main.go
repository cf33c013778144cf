// Command install fetches the PostgreSQL 16 that the tests compare with, and
// prints where it is.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := postgres.Install(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "installing PostgreSQL 16:", err)
		os.Exit(1)
	}
	fmt.Println("PostgreSQL 16 is in", dir)
}
