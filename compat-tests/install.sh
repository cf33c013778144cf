#!/usr/bin/env bash
# Installs what the tests need beside Go into $FERRIS_CACHE, and from Debian's
# packages what is missing. Safe to run again: what is there stays.
set -euo pipefail
cd "$(dirname "$0")"
cache=${FERRIS_CACHE:-$HOME/.cache/ferrisstreams}
mkdir -p "$cache"

missing=()
command -v psql >/dev/null || missing+=(postgresql-client)
command -v pgbench >/dev/null || [ -n "$(ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null)" ] || missing+=(postgresql-contrib)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v java >/dev/null || missing+=(default-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
command -v mkfs.ext4 >/dev/null || [ -x /usr/sbin/mkfs.ext4 ] || missing+=(e2fsprogs)
[ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server-core)
# mariadb-install-db runs it, and its package does not depend on it.
command -v my_print_defaults >/dev/null || missing+=(mariadb-client-core)
command -v curl >/dev/null || missing+=(curl)
command -v sqlite3 >/dev/null || missing+=(sqlite3)
command -v gpg >/dev/null || missing+=(gpg)
{ [ -x /usr/sbin/krb5kdc ] && [ -x /usr/sbin/kadmin.local ]; } || missing+=(krb5-kdc krb5-admin-server)
command -v ip >/dev/null || [ -x /usr/sbin/ip ] || missing+=(iproute2)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3 python3-pip)
[ "${FERRIS_TIER:-}" != long ] || python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv) # Superset's
# The perl that finds DBD::Pg is Debian's, wherever another is.
/usr/bin/perl -MDBD::Pg -e 1 2>/dev/null || missing+=(perl libdbd-pg-perl)
ls /usr/lib/*/odbc/psqlodbcw.so >/dev/null 2>&1 || missing+=(odbc-postgresql)
# pyodbc loads the driver manager, which the driver's package does not depend on.
ls /usr/lib/*/libodbc.so.2 >/dev/null 2>&1 || missing+=(libodbc2)
if [ ${#missing[@]} -gt 0 ]; then
	echo "installing ${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# node-postgres and postgres.js, as locked in clients/node/package.json.
if ! cmp -s clients/node/package.json "$cache/node/package.json" || [ ! -d "$cache/node/node_modules/pg" ]; then
	mkdir -p "$cache/node"
	cp clients/node/package.json "$cache/node/package.json"
	(cd "$cache/node" && npm install --no-audit --no-fund --silent)
fi

# psycopg 2 and 3, asyncpg, SQLAlchemy and pyodbc, as locked in
# clients/python/requirements.txt, for the python3 that runs them.
python=$cache/python-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! cmp -s clients/python/requirements.txt "$python/requirements.txt"; then
	rm -rf "$python" "$python.part"
	python3 -m pip install --quiet --no-warn-script-location --root-user-action=ignore --target "$python.part" -r clients/python/requirements.txt
	cp clients/python/requirements.txt "$python.part/requirements.txt"
	mv "$python.part" "$python"
fi

# DuckDB, for the bars over files.
if ! cmp -s bench/duckdb/package.json "$cache/duckdb/package.json" || [ ! -d "$cache/duckdb/node_modules/@duckdb/node-api" ]; then
	mkdir -p "$cache/duckdb"
	cp bench/duckdb/package.json "$cache/duckdb/package.json"
	(cd "$cache/duckdb" && npm install --no-audit --no-fund --silent)
fi

# pgjdbc: Debian's, and the one that the tests use where one is enough.
for jdbc in 42.5.4 42.7.7; do
	if [ ! -s "$cache/postgresql-$jdbc.jar" ]; then
		mvn -q -B dependency:copy -Dartifact=org.postgresql:postgresql:$jdbc -DoutputDirectory="$cache"
	fi
done
ln -sf "postgresql-$jdbc.jar" "$cache/pgjdbc.jar"

# Apache Kafka, the real one, with its programs. A folder that is whole has the last file; one
# that has fewer may be in use, and gets what it lacks.
kafka=kafka-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' kafka/pom.xml)
last=kafka-tools-${kafka#kafka-}.jar
if [ ! -f "$cache/$kafka/$last" ]; then
	rm -rf "$cache/$kafka.part"
	mvn -q -B -f kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$cache/$kafka.part"
	mkdir -p "$cache/$kafka"
	find "$cache/$kafka.part" -name '*.jar' ! -name "$last" -exec mv -n -t "$cache/$kafka" {} +
	mv "$cache/$kafka.part/$last" "$cache/$kafka/$last"
	rm -rf "$cache/$kafka.part"
fi

# Apicurio Registry, a real schema registry: an archive that must have the checksum that is
# written down. Its folder has the jar that is run.
apicurio=apicurio-$(sed -n 's:.*<apicurio.version>\(.*\)</apicurio.version>.*:\1:p' registry/pom.xml)
if [ ! -d "$cache/$apicurio" ]; then
	rm -rf "$cache/$apicurio.part" "$cache/$apicurio.archive"
	mvn -q -B -f registry/pom.xml dependency:copy -DoutputDirectory="$cache/$apicurio.archive"
	sums=$PWD/registry/SHA256SUMS
	(cd "$cache/$apicurio.archive" && sha256sum --quiet --strict -c "$sums")
	mkdir "$cache/$apicurio.part"
	tar -xzf "$cache/$apicurio.archive"/*.tar.gz -C "$cache/$apicurio.part"
	rm -rf "$cache/$apicurio.archive"
	mv "$cache/$apicurio.part" "$cache/$apicurio"
fi

# Apache Flink's SQL, which the long tier measures against; each file must have the
# checksum that is written down.
if [ "${FERRIS_TIER:-}" = long ]; then
	flink=flink-$(sed -n 's:.*<flink.version>\(.*\)</flink.version>.*:\1:p' nexmark/flink/pom.xml)
	if [ ! -d "$cache/$flink" ]; then
		rm -rf "$cache/$flink.part"
		mvn -q -B -C -f nexmark/flink/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$cache/$flink.part"
		sums=$PWD/nexmark/flink/SHA256SUMS
		(cd "$cache/$flink.part" && sha256sum --quiet --strict -c "$sums")
		mv "$cache/$flink.part" "$cache/$flink"
	fi
fi

# Apache Superset, which the long tier drives, in an environment of its own, as locked
# in superset/requirements.txt. The lock is there when all is.
superset=$cache/superset
if [ "${FERRIS_TIER:-}" = long ] && { ! cmp -s superset/requirements.txt "$superset/requirements.txt" || ! "$superset/bin/python" -c '' 2>/dev/null; }; then
	rm -rf "$superset"
	python3 -m venv "$superset"
	"$superset/bin/python" -m pip install --quiet --no-deps --disable-pip-version-check -r superset/requirements.txt
	"$superset/bin/python" -m pip check --disable-pip-version-check
	cp superset/requirements.txt "$superset/requirements.txt"
fi

# PostgreSQL 16, the oracle.
(cd .. && go run ./compat-tests/postgres/install)

# MySQL 8 of Ubuntu 24.04, which the long tier tests beside MariaDB, with the libraries that
# it was built for, which are newer than those here may be: packages that must have the checksums that are written down. The first
# is the server's. What of them is for people goes.
mysql=mysql-$(sed -n 's:.*/mysql-server-core[^ _]*_\([0-9.]*\).*:\1:p' mariadb/mysql/SHA256SUMS)
if [ "${FERRIS_TIER:-}" = long ] && [ ! -d "$cache/$mysql" ]; then
	rm -rf "$cache/$mysql.part" "$cache/$mysql.packages"
	sums=$PWD/mariadb/mysql/SHA256SUMS
	while read -r _ path; do
		mkdir -p "$cache/$mysql.packages/${path%/*}"
		curl -fsS --retry 3 -o "$cache/$mysql.packages/$path" "http://archive.ubuntu.com/ubuntu/$path"
	done <"$sums"
	(cd "$cache/$mysql.packages" && sha256sum --quiet --strict -c "$sums")
	while read -r _ path; do dpkg-deb -x "$cache/$mysql.packages/$path" "$cache/$mysql.part"; done <"$sums"
	rm -rf "$cache/$mysql.packages" "$cache/$mysql.part/usr/share/doc" "$cache/$mysql.part/usr/share/man"
	mv "$cache/$mysql.part" "$cache/$mysql"
fi

# versitygw, the S3 store.
versitygw=v1.8.0
if [ ! -x "$cache/bin/versitygw-$versitygw" ]; then
	mkdir -p "$cache/bin"
	(cd / && GOBIN="$cache/bin/tmp-versitygw" go install "github.com/versity/versitygw/cmd/versitygw@$versitygw")
	mv "$cache/bin/tmp-versitygw/versitygw" "$cache/bin/versitygw-$versitygw"
	rmdir "$cache/bin/tmp-versitygw"
fi
