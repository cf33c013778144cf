package mariadb

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/cache"
)

// MariaDB is Debian's.
var MariaDB = &Product{name: "MariaDB",
	installer: func(_, data string) ([]string, error) {
		path, err := program("mariadb-install-db")
		return []string{path, "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"}, err
	},
	server: func(data string) ([]string, error) {
		path, err := program("mariadbd")
		return []string{path, "--no-defaults", "--datadir=" + data}, err
	},
}

// MySQL is the one that install.sh has unpacked into the cache, with the libraries that
// it was built for. It runs as root where we are root, who alone may look there.
var MySQL = &Product{name: "MySQL", asRoot: true,
	installer: func(dir, data string) ([]string, error) {
		// Its root is one of localhost, which a name is: names are not resolved.
		init := filepath.Join(dir, "init.sql")
		err := os.WriteFile(init, []byte("CREATE USER root@'%' IDENTIFIED BY '';\nGRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n"), 0o600)
		if err != nil {
			return nil, fmt.Errorf("writing what MySQL begins with: %w", err)
		}
		argv, err := mysqld(data)
		return append(argv, "--initialize-insecure", "--init-file="+init, "--skip-log-bin", "--innodb-flush-method=nosync"), err
	},
	server: func(data string) ([]string, error) {
		argv, err := mysqld(data)
		return append(argv, "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF", "--cte-max-recursion-depth=10000000"), err
	},
}

// program finds one of MariaDB's programs, which may be where only root looks.
func program(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("MariaDB for tests is Debian's: run compat-tests/install.sh (apt-get install mariadb-server-core): %w", err)
	}
	return path, nil
}

// sums names the packages that MySQL is made of: the first is the server, whose version
// names the folder.
//
//go:embed mysql/SHA256SUMS
var sums string

// mysqld is the server's program with what it needs to find itself: the folder's own
// loader runs it, with the folder's libraries.
func mysqld(data string) ([]string, error) {
	version := regexp.MustCompile(`mysql-server-core[^ _]*_([0-9.]+)`).FindStringSubmatch(sums)
	if version == nil {
		return nil, errors.New("finding MySQL: mysql/SHA256SUMS names no mysql-server-core")
	}
	dir, err := cache.Dir()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "mysql-"+version[1])
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("MySQL is not installed; run compat-tests/install.sh (make deps): %w", err)
	}
	usr := filepath.Join(dir, "usr")
	libraries := filepath.Join(usr, "lib", "x86_64-linux-gnu")
	argv := []string{filepath.Join(libraries, "ld-linux-x86-64.so.2"), "--library-path", libraries, filepath.Join(usr, "sbin", "mysqld"), "--no-defaults", "--basedir=" + usr, "--datadir=" + data,
		"--lc-messages-dir=" + filepath.Join(usr, "share", "mysql"), "--character-sets-dir=" + filepath.Join(usr, "share", "mysql", "charsets"), "--plugin-dir=" + filepath.Join(usr, "lib", "mysql", "plugin"), "--secure-file-priv="}
	if os.Geteuid() == 0 {
		argv = append(argv, "--user=root")
	}
	return argv, nil
}
