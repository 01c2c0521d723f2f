# shellcheck shell=bash
. "${0%/*}/lib.sh"

head -c 100000 /dev/urandom >object
export MDM_HOME=$dir/state
mdm-encrypt --keys /dev/fd/3 <object 3>&1 >sealed | ssss-split | hydra-put >acks 2>err
age-plugin-mdm --identity >id

t 'age opens an object by itself' '
	says "^AGE-PLUGIN-MDM-1" id
	age -d -i id sealed | cmp - object
'
t 'with one store lost, not with two' '
	mkdir away
	mv state/store-1* away
	age -d -i id sealed 2>err | cmp - object
	mv state/store-2* away
	exits 1 age -d -i id sealed >plain 2>err
	[ ! -s plain ]
	mv away/* state
'
t 'without shares another identity still opens it' '
	age-keygen -o native 2>err
	mdm-encrypt --keys lost -r "$(grep -o "age1.*" native)" <object >escrow
	age -d -i id -i native escrow | cmp - object
	exits 1 age -d -i id escrow >plain 2>err
	says "mdm: [0-9a-f]\{32\}: " err
	[ ! -s plain ]
'
t 'the identity may name the list of stores' '
	age-plugin-mdm --identity --stores "$PWD/state/stores" >id2
	MDM_HOME=/nonexistent age -d -i id2 sealed | cmp - object
	exits 64 age-plugin-mdm --identity --stores relative 2>err
'
t 'other stanzas are passed over' '
	age -r "$(grep -o "age1.*" native)" <object >other
	exits 1 age -d -i id other >plain 2>err
	silent "mdm: " err
	age -d -i id -i native other | cmp - object
'
t 'another state machine is refused' '
	exits 64 age-plugin-mdm --age-plugin=recipient-v1 2>err
	exits 64 age-plugin-mdm 2>err
	exits 65 age-plugin-mdm --age-plugin=identity-v1 < <(echo junk) >out 2>err
'
done_testing
