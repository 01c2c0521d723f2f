# Where the catalogue of a test is: in SQLite or, when PG_URL names a server
# (tests/postgres.t), in a schema of its own there.
# shellcheck shell=bash

if [ -n "${PG_URL-}" ]; then
	base=${0##*/} # a database for each test file
	base=t-${base%.t}
	psql -qX "$PG_URL" -c "create database \"$base\""
	PG_URL=${PG_URL/\/mdm\?/\/$base\?}
fi

# site NAME: work with the site, and the catalogue, of this name
site() {
	export MDM_HOME=$dir/$1
	[ -z "${PG_URL-}" ] || {
		psql -qX "$PG_URL" -c "create schema if not exists \"$1\"" 2>/dev/null
		export MDM_CATALOGUE="$PG_URL&options=-csearch_path%3D$1"
	}
}

# copy FROM TO: and use it
copy() {
	cp -r "$dir/$1" "$dir/$2"
	site "$2"
	[ -z "${PG_URL-}" ] ||
		pg_dump -n "$1" "$PG_URL" | sed "s/^CREATE SCHEMA.*//; s/\<$1\./$2./g" |
		psql -qX -v ON_ERROR_STOP=1 "$PG_URL" >/dev/null
}

# sql SQL: ask the catalogue; strings may stand in "
sql() {
	if [ -n "${PG_URL-}" ]; then
		psql -qAtX -F '|' "$MDM_CATALOGUE" -c "${1//\"/\'}"
	else
		sqlite3 "$MDM_HOME/catalogue.sqlite" "$1"
	fi
}

# embedded: what follows is about files of SQLite
embedded() {
	[ -z "${PG_URL-}" ]
}

# replicas: how many there are
replicas() {
	sql "select (select count(*) from replica) + (select count(*) from entry where home is not null)"
}

export -f site copy sql embedded replicas
