#!/bin/bash
# Storage that fails in the midst of an ingest, killed or cut off from the network:
# nothing partial shows, in the storage or the catalogue, and another run finishes.
# shellcheck source=tests/lib.sh
# In a network of our own, if we may have one: then it can be cut.
if [ "${CUT-}" != yes ] && unshare -n true 2>/dev/null && [ "$(id -u)" -eq 0 ] && command -v ip >/dev/null; then
	CUT=yes exec unshare -n "$BASH" "$0"
fi
[ "${CUT-}" != yes ] || ip link set lo up
. "${0%/*}/lib.sh"
# shellcheck source=tests/grid.sh
. "$here/grid.sh"
a_grid
patients large 1 1 4000 # 32 MB

for url in root https; do
	t "the storage is killed in an upload by $url: 75, no object, no entry" '
		export MDM_STORAGE_WAIT=1
		url=se1_'"$url"'
		MDM_STORAGE=${!url}
		had=$(on "$grid/se1" | wc -l) entries=$(entries)
		held srm-copy 20000000
		as robot held/mdm-ingest large 2>err & pid=$!
		reached
		coming() { [ -n "$(find "$grid/se1/files/mdm/.incoming" -type f -size +1000k)" ]; }
		is_so coming
		"$services/xrootd" kill "$grid/se1"
		go
		exits 75 wait $pid || failed=1
		"$services/xrootd" again "$grid/se1"
		[ -z "${failed-}" ] || { cat err >&3; false; }
		[ "$(on "$grid/se1" | wc -l)" -eq "$had" ]
		[ "$(entries)" -eq "$entries" ]
		as robot mdm-ingest large 2>err
		says "1 registered" err
		[ "$(entries)" -eq $((entries + 1)) ]
		as robot mdm-del "$(as robot lfc-ls)" 2>err
	'
done

# The service is silent, and then it is there again.
cut_off() {
	if [ "${CUT-}" = yes ]; then ip link set lo down; else kill -STOP "$(cat "$grid/se1/pid")"; fi
}
back() {
	if [ "${CUT-}" = yes ]; then ip link set lo up; else kill -CONT "$(cat "$grid/se1/pid")"; fi
}
export CUT
export -f cut_off back

for url in root https; do
	t "cut off in an upload by $url: later, no object, no entry" '
		url=se1_'"$url"'
		export MDM_STORAGE=${!url} MDM_STORAGE_WAIT=1
		had=$(on "$grid/se1" | wc -l) entries=$(entries)
		held srm-copy 20000000
		as robot held/mdm-ingest large 2>err & pid=$!
		reached
		coming() { [ -n "$(find "$grid/se1/files/mdm/.incoming" -type f -size +1000k)" ]; }
		is_so coming
		cut_off
		go
		later wait $pid || failed=1
		back
		[ -z "${failed-}" ] || { cat err >&3; false; }
		[ "$(on "$grid/se1" | wc -l)" -eq "$had" ]
		[ "$(entries)" -eq "$entries" ]
		as robot mdm-ingest large 2>err
		says "1 registered" err
		as robot mdm-del "$(as robot lfc-ls)" 2>err
	'
done

done_testing
