#!/bin/bash
# Services that fail in the midst of an ingest: what the run ends with, that
# nothing half done shows, and that another run finishes it.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/grid.sh
. "$here/grid.sh"
a_grid
patients small 1 4

t 'the catalogue is killed between storage and registration: later' '
	held lfc-reg
	as robot held/mdm-ingest small 2>err & pid=$!
	reached
	[ "$(on "$grid/se1" | wc -l)" -eq 4 ]
	[ "$(entries)" -eq 0 ]
	kill -9 "$(cat "$grid/lfc/pid")"
	go
	later wait $pid || failed=1
	"$services/grid" start "$grid" catalogue
	[ -z "${failed-}" ]
	says "0 registered" err
	[ "$(entries)" -eq 0 ]
	as robot mdm-ingest small 2>err
	says "4 registered" err
	as robot mdm-get -C got "$(as robot lfc-ls)" 2>err
	[ "$(find got -type f | wc -l)" -eq 4 ]
'

t 'killed when half of the batches are in: those stay, the others follow' '
	export MDM_BATCH_OBJECTS=1
	as robot mdm-del "$(as robot lfc-ls)" 2>err
	had=$(grep -c "op=register.*ok=1" "$grid/lfc/audit")
	as robot mdm-ingest small 2>err & pid=$!
	more() { [ "$(grep -c "op=register.*ok=1" "$grid/lfc/audit")" -gt "$had" ]; }
	is_so more
	kill -9 "$(cat "$grid/lfc/pid")"
	later wait $pid || { cat err >&3; failed=1; }
	"$services/grid" start "$grid" catalogue
	[ -z "${failed-}" ]
	n=$(entries)
	[ "$n" -ge 1 ] && [ "$n" -lt 4 ]
	as robot mdm-ingest small 2>err
	says "$((4 - n)) registered, $n already there" err
	[ "$(entries)" -eq 4 ]
'

t 'a key store is killed in mid-run: 69; with a quorum it is not missed' '
	as robot mdm-del "$(as robot lfc-ls)" 2>err
	held hydra-put 100
	as robot held/mdm-ingest small 2>err & pid=$!
	reached
	kill -9 "$(cat "$grid/2/pid")"
	go
	exits 69 wait $pid || { cat err >&3; false; }
	[ "$(entries)" -eq 0 ]
	as robot mdm-ingest --quorum 2 small 2>err
	says "4 registered" err
	"$services/grid" start "$grid" keys >&3
	as robot mdm-get -C got2 "$(as robot lfc-ls)" 2>err
	[ "$(find got2 -type f | wc -l)" -eq 4 ]
	as robot mdm-del "$(as robot lfc-ls)" 2>err
'

# No proxy can be made for less than a minute: one of an hour, an hour ago.
t 'the proxy expires in mid-run: 77, and a new one finishes' '
	held lfc-reg
	faketime -f "-3588s" "$services/proxy" "$grid/pki" robot short.proxy \
		/mdm/neuro /mdm/Role=production /mdm -- -hours 1
	PROXY=$PWD/short.proxy as robot held/mdm-ingest small 2>err & pid=$!
	while openssl x509 -checkend 0 -noout -in short.proxy >/dev/null; do
		read -rt 0.1 <> <(:) || :
	done
	go
	exits 77 wait $pid || { cat err >&3; false; }
	[ "$(entries)" -eq 0 ]
	as robot mdm-ingest small 2>err
	says "4 registered" err
'

done_testing
