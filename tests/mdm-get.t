#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/flow.sh"

a_site site
cp "$DICOM"/{CT_small,MR_small,rtplan,US1_J2KR}.dcm . 2>/dev/null
cp "$DICOM"/{CT_small,MR_small,rtplan}.dcm .
mdm-ingest CT_small.dcm MR_small.dcm rtplan.dcm 2>ingest.log || exit 70
lfc-ls -R --manifest >M
mapfile -t names < <(grep -v '^\.end' M | cut -f 1)
export name0=${names[0]} name1=${names[1]}

# value NAME KEY: a field of a line of M
value() { grep "^$1	" M | tr '\t' '\n' | sed -n "s/^$2=//p"; }
stored() { value "$1" surl | sed 's/^file://'; }

# lying PROGRAM FILTER: from now on PROGRAM answers through FILTER
lying() {
	mkdir -p liar
	printf '#!/bin/bash\n%s/%s "$@" | %s\n' "$BIN" "$1" "$2" >"liar/$1"
	chmod +x "liar/$1"
	PATH=$PWD/liar:$PATH
}
# refused STATUS PATTERN LFN: mdm-get ends so, says so, and writes nothing
refused() {
	rm -rf got
	exits "$1" mdm-get -C got "$3" 2>log
	says "$2" log
	[ -z "$(find got -type f 2>/dev/null)" ] || { echo written >&3; return 1; }
}
fresh() { rm -rf liar site "$MDM_HOME"; cp -a kept site; }
cp -a site kept
export -f value stored lying refused fresh

t 'a study, a series, an object' '
	for lfn in "${name0%/*/*}" "/grid/mdm/${name0%/*}" "$name0"; do
		rm -rf got
		mdm-get -C got "$lfn"
		[ "$(find got -type f)" = "got/$name0" ]
	done
	exits 1 mdm-get -C got nowhere "$name0" 2>log
	says nowhere log
	exits 64 mdm-get 2>log
'

t 'storage exchanges two ciphertexts' '
	a=$(stored "$name0") b=$(stored "$name1")
	mv "$a" x; mv "$b" "$a"; mv x "$b"
	refused 65 "storage" "$name0"
	refused 65 "storage" "$name1"
	fresh
'

t 'storage flips a bit, cuts, appends, loses' '
	a=$(stored "$name0")
	$PYTHON -c "
import sys
b = bytearray(open(sys.argv[1], \"rb\").read())
b[len(b) // 2] ^= 1
open(sys.argv[1], \"wb\").write(b)" "$a"
	refused 65 "storage" "$name0"
	fresh
	truncate -s -1 "$a"
	refused 65 "storage" "$name0"
	fresh
	echo >>"$a"
	refused 65 "storage" "$name0"
	fresh
	rm "$a"
	exits 1 mdm-get -C got /grid/mdm 2>log
	says "$name0" log
	[ "$(find got -type f | wc -l)" -eq 2 ]
	fresh
'

t 'the catalogue points a name at another GUID' '
	g=$(value "$name0" guid) h=$(value "$name1" guid)
	lying lfc-ls "sed s/guid=$g/guid=$h/"
	refused 65 "catalogue" "$name0"
'

t 'the catalogue gives one name the whole line of another' '
	lying lfc-ls "sed \"s,^$name1	,$name0	,; s,/$name1,/$name0,\" | grep -v nothing"
	refused 65 "catalogue" "$name1"
	refused 65 "catalogue" /grid/mdm
'

t 'the catalogue answers with an object that was not asked for' '
	cat >other <<-END
		#!/bin/bash
		exec $BIN/lfc-ls --manifest -R "$name1"
	END
	chmod +x other
	mkdir -p liar2 && mv other liar2/lfc-ls
	PATH=$PWD/liar2:$PATH
	refused 65 "catalogue" "$name0"
'

t 'a line altered: size, sum, plain, generation, profile, name, signature' '
	for key in size sha256 plain gen profile sig by guid; do
		old=$(value "$name0" $key)
		last=${old: -1}
		case $last in 1) new=2 ;; *) new=1 ;; esac
		lying lfc-ls "sed s/$key=$old/$key=${old%?}$new/"
		refused 65 "catalogue\\|signer\\|signed" "$name0"
		rm -r liar
	done
	lying lfc-ls "sed s/sig=[^[:space:]]*//"
	refused 65 . "$name0"
'

t 'an object forged by someone who can read it' '
	# He decrypts, alters, encrypts under a key of his own that he puts into the
	# stores, and replaces file, GUID, size and sums; he signs with his own key.
	mdm-get -C mine "$name0"
	$PYTHON -c "
import sys, pydicom
d = pydicom.dcmread(sys.argv[1])
d.SeriesDescription = \"FORGED\"
d.save_as(sys.argv[1])" "mine/$name0"
	(cd mine && rec-pack "$name0") >forged.rec
	{ { mdm-encrypt --keys /dev/fd/3 <forged.rec |
		srm-copy --to "" >F 3>&-; } 3>&1 | ssss-split | hydra-put >ACK; }
	mdm-sign --new-sign-key forger.key
	plain=$(value "$name0" plain) profile=$(value "$name0" profile)
	sed "/^.end/! s/$/	plain=$plain	profile=$profile	gen=1	lfn=\/grid\/mdm\/${name0//\//\\/}/" F |
		mdm-sign --sign-key forger.key >forged
	mkdir -p liar3
	printf "#!/bin/bash\ncat %q\n" "$PWD/forged" >liar3/lfc-ls
	chmod +x liar3/lfc-ls
	PATH=$PWD/liar3:$PATH
	refused 65 "sign" "$name0"
	sed "s/	by=[^	]*/	by=$(value "$name0" by)/" forged >f2
	printf "#!/bin/bash\ncat %q\n" "$PWD/f2" >liar3/lfc-ls
	refused 65 "catalogue" "$name0"
	fresh
'

t 'an older generation brought back' '
	cp -a site older
	$PYTHON -c "
import pydicom
d = pydicom.dcmread(\"CT_small.dcm\")
d.PixelData = bytes(255 - b for b in d.PixelData)
d.save_as(\"corrected.dcm\")"
	mdm-ingest --supersede corrected.dcm 2>log
	mdm-get -C new /grid/mdm
	ct=$(lfc-ls -R --manifest | grep "	gen=2" | cut -f 1)
	[ -n "$ct" ]
	rm -f site/catalogue.sqlite*
	cp older/catalogue.sqlite* site
	refused 65 "older generation" "$ct"
	# a reader who never saw the new one is safe once its key is gone
	rm -f site/catalogue.sqlite* site/seen
	cp older/catalogue.sqlite* site
	id=$(lfc-ls --manifest "$ct" | tr "\t" "\n" | sed -n s/^guid=//p)
	printf "%s\n.end\t1\n" "$id" | hydra-rm
	refused 77 . "$ct"
	fresh
'

t 'a key store answers with another share: named, and outvoted' '
	id=$(value "$name0" guid)
	lying hydra-get "sed s/nothing/nothing/"
	rm -r liar
	mkdir liar4
	cat >liar4/hydra-get <<-END
		#!/bin/bash
		$BIN/hydra-get "\$@" | $PYTHON -c "
		import re, sys
		done = False
		for l in sys.stdin:
		    if not done and \"share=\" in l:
		        l = re.sub(\"share=..\", \"share=00\", l) if \"share=00\" not in l else re.sub(\"share=..\", \"share=11\", l)
		        done = True
		    sys.stdout.write(l)"
	END
	chmod +x liar4/hydra-get
	sed -i "s/^\t*//" liar4/hydra-get
	PATH=$PWD/liar4:$PATH
	got=0
	mdm-get -C got "$name0" 2>log || got=$?
	[ "$got" -eq 65 ] || [ "$got" -eq 77 ]
	[ -z "$(find got -type f 2>/dev/null)" ]
	says "share" log
'

t 'an object whose UIDs are not its name' '
	mkdir u && cp CT_small.dcm u/x
	s=$(cut -d / -f 1 <<<"$name0")
	mkdir -p "w/${name1%/*}"
	mdm-get -C right "$name0"
	cp "right/$name0" "w/$name1"
	(cd w && rec-pack "$name1") | exits 65 rec-unpack --uids -C w.out 2>log
	[ -z "$(find w.out -type f)" ]
	says "UID" log
	(cd right && rec-pack "$name0") | rec-unpack --uids -C r.out
	same "right/$name0" "r.out/$name0"
'

done_testing
