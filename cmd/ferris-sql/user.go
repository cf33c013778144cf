package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/pgcatalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/scram"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// newUser is a user to add.
type newUser struct {
	name      string
	verifier  string // "": it has no password
	superuser bool
}

func userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Users of a data directory"}
	cmd.AddCommand(userAddCommand())
	return cmd
}

func userAddCommand() *cobra.Command {
	var dataDir, passwordFile string
	u := newUser{}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a user to a data directory, whether its gateway runs or not",
		Long: "Adds a role that may log in, as CREATE USER does, for whoever may write the data directory: no password of an administrator's is asked for. " +
			"The user's password is the first line of the file that --password-file names, - being standard input, else the environment's FERRIS_USER_PASSWORD; " +
			"the gateway is given its SCRAM-SHA-256 verifier alone. Without one the user can log in where no password is asked for.",
		Example: "  ferris-sql user add ann --data-dir ./ferris-data --password-file ann.txt\n  ferris-sql user add boss --superuser --password-file - < boss.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			u.name = args[0]
			password, err := userPassword(passwordFile, cmd.InOrStdin(), os.Getenv)
			if err != nil {
				return err
			}
			if password != "" {
				u.verifier = scram.NewVerifier(password).String()
			}
			return addUser(cmd.Context(), dataDir, u)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dataDir, "data-dir", "ferris-data", "folder of the catalog and state")
	f.StringVar(&passwordFile, "password-file", "", "file whose first line is the password; -: standard input")
	f.BoolVar(&u.superuser, "superuser", false, "the user may do everything")
	return cmd
}

// userPassword reads a password; "": there is none.
func userPassword(path string, stdin io.Reader, getenv func(string) string) (string, error) {
	var text []byte
	var err error
	switch path {
	case "":
		return getenv("FERRIS_USER_PASSWORD"), nil
	case "-":
		text, err = io.ReadAll(stdin)
	default:
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", errors.New("the password file is empty")
	}
	return line, nil
}

// addUser asks the gateway that runs on a data directory, or changes its catalog.
func addUser(ctx context.Context, dataDir string, u newUser) error {
	if _, err := os.Stat(stateDir(dataDir)); err != nil {
		return fmt.Errorf("reading data directory %s: %w", dataDir, err)
	}
	client := gatewayClient(dataDir)
	defer client.CloseIdleConnections()
	form := url.Values{"name": {u.name}, "verifier": {u.verifier}}
	if u.superuser {
		form.Set("superuser", "true")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway/user", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return addUserAtRest(dataDir, u)
	}
	if err != nil {
		return fmt.Errorf("asking the gateway of %s: %w", dataDir, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return fmt.Errorf("adding user %s: %w", u.name, err)
	}
	return nil
}

func addUserAtRest(dataDir string, u newUser) (err error) {
	store, err := state.Open(state.Options{Dir: stateDir(dataDir)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cat, err := catalog.Open(store, function.Builtins(), pgcatalog.Relations()...)
	if err != nil {
		return err
	}
	r := catalog.NewRole(u.name)
	r.Login, r.Verifier = true, u.verifier
	if u.superuser {
		r.Superuser, r.CreateRole, r.CreateDB = true, true, true
	}
	tx := cat.Begin()
	if err := tx.CreateRole(r); err != nil {
		return fmt.Errorf("adding user %s: %w", u.name, err)
	}
	return tx.Commit()
}

// serveUsers adds users that come by the socket in the data directory, which nobody
// but the directory's owner can open.
func (p *process) serveUsers(mux *http.ServeMux) {
	mux.HandleFunc("POST /user", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
		u := newUser{name: r.FormValue("name"), verifier: r.FormValue("verifier"), superuser: r.FormValue("superuser") == "true"}
		if err := p.createUser(r.Context(), u); err != nil {
			refuseState(w, err)
		}
	})
}

// createUser is CREATE USER, as the superuser.
func (p *process) createUser(ctx context.Context, u newUser) error {
	config, err := pgconn.ParseConfig("postgres://embedded/ferris?sslmode=disable")
	if err != nil {
		return err
	}
	config.User = p.superuser
	useEmbedded(config, p)
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	sql := "CREATE USER " + pgx.Identifier{u.name}.Sanitize()
	if u.superuser {
		sql += " SUPERUSER CREATEROLE CREATEDB"
	}
	if u.verifier != "" {
		if _, err := scram.Parse(u.verifier); err != nil {
			return fmt.Errorf("reading the verifier: %w", err)
		}
		sql += " PASSWORD '" + u.verifier + "'"
	}
	_, err = conn.Exec(ctx, sql).ReadAll()
	return err
}
