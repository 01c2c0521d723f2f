#!/bin/bash
# mdm-set-right over services: what it says is what they then do for others
. "${0%/*}/lib.sh"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"
# shellcheck source=tests/lfc.sh
. "$here/lfc.sh"

"$services/pki" pki || exit 70
proxy robot robot /mdm/Role=robot
proxy alice alice /mdm/neuro /mdm
proxy bob bob /mdm
serve s 3 --creator /mdm/Role=robot || exit 70
serve_lfc s --creator /mdm/Role=robot \
    --admin '/DC=test/DC=mdm/O=Users/CN=Admin One' || exit 70
lines_to admin1 s mkdir '/grid/mdm\tparents=1' >made
lines_to admin1 s setacl '/grid/mdm\tmodify=group:/mdm/Role=robot:rwx' >>made
MDM_STORES=$dir/s/stores
export MDM_STORES
use robot s
mkdir -m 700 home/state
# shellcheck source=tests/objects.sh
(. "$here/objects.sh" && objects 6) >6.rec
export MDM_HOME=$dir/home/state

# keys: how many this client gets; seen: how many entries it may read
keys() { { hydra-get <M 2>/dev/null || :; } | grep -vc "error=\|^\.end" || :; }
seen() { { lfc-ls --manifest -R 2>/dev/null || :; } | grep -vc "^\.end" || :; }
# may CLIENT KEYS ENTRIES
may() {
	use "$1"
	echo "# $1 gets $(keys) of $2 shares, sees $(seen) of $3 entries"
	[ "$(keys)" -eq "$2" ] && [ "$(seen)" -eq "$3" ]
	use robot
}
export -f keys seen may

t 'what is new is its maker'\''s alone' '
	lfc-new <6.rec | srm-copy --to "" >M
	awk -F "\t" "/^\.end/ { print; next } { for (i = 2; i <= NF; i++) if (\$i ~ /^guid=/) {
		g = substr(\$i, 6); print g \"\tkey=\" g g } }" M | (umask 77; ssss-split -k 2 -n 3) |
		hydra-put >ACK
	lfc-reg --acks ACK <M >R
	mdm-set-right private 1.2
	may alice 0 0
	may bob 0 0
'

t 'a group, a user, one object by its GUID' '
	each=$(keys)
	[ "$each" -ge 12 ]
	lfc-chmod a+x /grid/mdm/1.2 /grid/mdm/1.2/1.2.0 /grid/mdm/1.2/1.2.1
	mdm-set-right r-- -g /mdm/neuro 1.2/1.2.0
	lfc-acl -m group:/mdm/neuro:r-x -m "user:/DC=test/DC=mdm/O=Users/CN=Bob Researcher:r-x" 1.2
	may alice $((each / 2)) 3
	may bob 0 0
	guid=$(lfc-ls --manifest 1.2/1.2.1/1.2.1.1 | grep -o "	guid=[0-9a-f]*" | cut -d = -f 2)
	mdm-set-right r-- -u "/DC=test/DC=mdm/O=Users/CN=Bob Researcher" "$guid"
	use bob
	[ "$(keys)" -eq $((each / 6)) ]
	lfc-ls --guid "$guid" | has -x /grid/mdm/1.2/1.2.1/1.2.1.1
	use alice
	exits 1 lfc-ls --guid "$guid" 2>err
	says "no such entry" err
	use robot
	mdm-set-right --- -u "/DC=test/DC=mdm/O=Users/CN=Bob Researcher" "$guid"
	use bob
	[ "$(keys)" -eq 0 ]
	exits 1 lfc-ls --guid "$guid" 2>err
'

t 'who does not own them changes nothing' '
	use alice
	lfc-ls --manifest -R 2>err >list || :
	exits 77 mdm-set-right anonymous 1.2/1.2.0 2>err || exits 1 mdm-set-right anonymous 1.2/1.2.0 2>err
	use bob
	[ "$(keys)" -eq 0 ]
	use robot
	mdm-set-right anonymous 1.2/1.2.0
	may bob $(($(keys) / 2)) 3
'
done_testing
