#!/bin/bash
# The catalogue in PostgreSQL: its tests again, and what only a server can do.
[ -n "${PG_URL-}" ] ||
	exec "${0%/*}/services/postgres" run -t bash "$0"
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/objects.sh
. "$here/objects.sh"

O=${O:-$top/obj} MAIN_URL=$PG_URL
export O MAIN_URL

for name in catalogue lfc-new lfc-reg lfc-ls lfc-rm lfc-mkdir lfc-mv lfc-ln lfc-chmod lfc-acl lfc-comment lfc-find lfc-replica lfc-recall lfc-queue lfc-evict; do
	t "$name.t" "
		bash '$here/$name.t' >tap
		grep -A 9 '^not ok' tap && exit 1
		grep -q '^1[.][.][1-9]' tap
	"
done
# shellcheck source=tests/engine.sh
. "$here/engine.sh"
objects 4 >a.rec

t 'the engine' '
	psql -qX "$PG_URL" -c "create schema u; create schema d"
	PG_DIALECT="$PG_URL&options=-csearch_path%3Dd" \
		"$O/unit-db" "$PG_URL&options=-csearch_path%3Du" >tap || { grep -v "^ok" tap; false; }
'

t 'no table is read through, nor sorted' '
	site plans
	log=$PG_DIR/data/server.log
	lfc-new <a.rec >out # makes the tables
	options=-csearch_path%3Dplans%20-csession_preload_libraries%3Dauto_explain
	export MDM_CATALOGUE="$PG_URL&options=$options%20-cauto_explain.log_min_duration%3D0"
	from=$(wc -c <"$log")
	objects 50 >b.rec
	ingest b.rec
	objects 10 1000 x x | lfc-new --supersede | srm-copy --to "" >M
	acks M >ACK
	lfc-reg --acks ACK <M >R
	lfc-reg --acks ACK <M >R
	lfc-ls -lR / >list
	lfc-ls --manifest -R / >list
	mdm-check --stores /dev/null >report 2>&1 || :
	lfc-find "modality=CT and pseudonym~P*" >list
	lfc-find "study-date>=2020 or not series=1" >list
	f=1.2/1.2.0/1.2.0.2
	lfc-replica --add file:/x "$f"
	lfc-replica --bad file:/x "$f"
	lfc-ls --manifest -R >list
	lfc-acl -m user:a:r-- "$f"
	lfc-ln 1.2 link
	lfc-mv 1.2/1.2.0 link/1.2.9
	printf "9/9/9\tsurl=dicom://h/9/9/9\n.end\t1\n" | lfc-reg --nearline >R
	lfc-recall 9/9/9 >R
	lfc-queue --take "$(printf %032d 1)" --site h >T
	sed "/^.end/!s/$/	state=queued/" T | lfc-queue --done "$(printf %032d 1)" >R
	lfc-recall --cancel 9/9/9 >R
	lfc-queue --cached --site h >R
	lfc-rm 1.2/1.2.9/1.2.0.0 link
	lfc-rm -r 1.2
	tail -c "+$from" "$log" >planned
	grep -q "Index Scan using entry" planned
	grep -q "on replica" planned
	! grep -m 5 "Seq Scan on \(entry\|replica\|facts\|principal\|acl\|home\|lease\|mark\|recall\|recall_asker\)" planned || false
	! grep "Sort Key: name" planned || false # pages come in the order of the index
'

t 'a key store: all that hydra-api(5) says, and no table read through' '
	log=$PG_DIR/data/server.log
	from=$(wc -c <"$log")
	set --
	for i in 1 2 3; do
		psql -qX "$PG_URL" -c "create schema k$i"
		set -- "$@" "$PG_URL&options=-csearch_path%3Dk$i%20-csession_preload_libraries%3Dauto_explain%20-cauto_explain.log_min_duration%3D0"
	done
	"$O/unit-hydra_api" "$@" >tap || { grep -v "^ok" tap; false; }
	tail -c "+$from" "$log" >planned
	grep -q "Index Scan using share_pkey" planned
	! grep -m 5 "Seq Scan on \(share\|epoch\|removed\)" planned || false
'

t 'no server, no database, no schema, no catalogue, passwords: each by its status' '
	exits 75 lfc-ls --catalogue "postgresql:///mdm?host=$dir" 2>err
	[ "$(wc -l <err)" -eq 1 ]
	exits 74 lfc-ls --catalogue "${MAIN_URL/\/mdm\?/\/none?}" 2>err
	says "does not exist" err
	exits 74 lfc-new --catalogue "$PG_URL&options=-csearch_path%3Dnone" <a.rec 2>err
	exits 74 lfc-ls --catalogue "$PG_URL&options=-csearch_path%3Dnone" 2>err
	exits 64 lfc-ls --catalogue postgresql:mdm 2>err
	exits 64 lfc-ls --catalogue postgresql://mdm:hush@localhost/mdm 2>err
	exits 64 lfc-ls --catalogue "postgresql://mdm:hush@localhost:x/mdm" 2>>err
	exits 64 lfc-ls --catalogue "$PG_URL&password=hush" 2>>err
	! grep hush err || false
	site other
	sql "create table mdm_schema (application text, version bigint);
		insert into mdm_schema values (\"mdm store\", 1)"
	exits 65 lfc-ls 2>err
	says "not an mdm catalogue" err
'

t 'a lock is waited for, then 75' '
	site held
	ingest a.rec
	mkfifo hold
	psql -qAtX "$MDM_CATALOGUE" <hold >got & pid=$!
	exec 5>hold
	echo "begin; select 7 from pg_advisory_xact_lock(1835297121, current_schema()::regnamespace::oid::int);" >&5
	until [ -s got ]; do :; done
	objects 1 1000 x x >x.rec
	MDM_LOCK_WAIT=0.1 exits 75 lfc-new --supersede <x.rec >out 2>err
	says "locked by another process for 0.1 s" err
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ] # readers do not wait
	site free
	MDM_LOCK_WAIT=0.1 lfc-new <a.rec >out # nor do other schemas
	exec 5>&-
	wait "$pid"
'

t 'TLS: a certificate opens it, under the name that it bears' '
	port=$(cat "$PG_DIR/port")
	url="postgresql://mdm@localhost:$port/mdm?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=$PG_DIR/tls/ca.pem"
	psql -qX "$MAIN_URL" -c "create schema tls"
	as() { echo "$url&sslcert=$PG_DIR/tls/$1.pem&sslkey=$PG_DIR/tls/$1.key&options=-csearch_path%3Dtls"; }
	export MDM_HOME=$dir/tls MDM_CATALOGUE
	MDM_CATALOGUE=$(as client)
	ingest a.rec
	[ "$(lfc-ls --manifest -R | tail -n 1)" = ".end	4" ]
	exits 77 lfc-ls --catalogue "$(as stranger)" 2>err
	exits 77 lfc-ls --catalogue "$url&sslcert=none" 2>err
	exits 75 lfc-ls --catalogue "$(as client | sed "s,tls/ca,tls/server,")" 2>err
'

t 'the server crashes: 75, all that was said is kept, and a rerun ends it' '
	site crash
	objects 5000 10 >many.rec
	lfc-new <many.rec | srm-copy --to "" >M
	acks M >ACK
	exits 75 lfc-reg --acks ACK <M 2>err | {
		head -n 1
		"$here/services/postgres" crash "$PG_DIR"
		cat
	} >said
	says "lfc-reg: error: postgresql:" err
	"$here/services/postgres" again "$PG_DIR"
	lfc-ls --manifest -R | cut -f 1 | grep -v "^.end" | sort >kept
	n=$(wc -l <kept)
	[ "$n" -gt 0 ] && [ "$n" -lt 5000 ] && [ $((n % 1000)) -eq 0 ]
	cut -f 1 said | grep "^1.2/.*/.*[.]" | sed "\$d" | sort | comm -23 - kept >lost
	[ ! -s lost ]
	lfc-reg --acks ACK <M >R
	[ "$(field status R | sort | uniq -c | tr -s " ")" = " $((5000 - n)) new
 $n same" ]
	[ "$(replicas)" -eq 5000 ]
'

done_testing
