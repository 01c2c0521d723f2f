#!/bin/bash
# srm-serve: gfal2's client, unmodified, at a storage element of XRootD and us
. "${0%/*}/lib.sh"
# shellcheck source=tests/serve.sh
. "$here/serve.sh"

trap '"$services/srm" kill srm 2>/dev/null; "$services/xrootd" stop se 2>/dev/null; rm -rf "$dir"' EXIT

"$services/pki" pki || exit 70
proxy alice alice /mdm
proxy robot robot /mdm/Role=robot /mdm
proxy bob bob /other
mkdir se srm near near/mdm near/mdm/tape
ln -s ../pki se/pki
ln -s ../pki srm/pki

# What is behind: near/ has the names, content/ what they stand for.  A command
# that meets a gate waits until it is opened.
mkdir -p content/mdm/tape
for n in one two three four; do
	head -c 200000 /dev/urandom >content/mdm/tape/$n
	truncate -s 200000 near/mdm/tape/$n
done
truncate -s 5 near/mdm/tape/lost
mkfifo gate
chmod -R a+rX near content
chmod a+rw gate
: >staged
chmod a+w staged
cat >stage <<-'END'
	here=${0%/*}
	echo "$1" >>"$here/staged"
	case $1 in */two) read -r _ <"$here/gate" ;; esac
	[ -e "$here/content$1" ] || { echo "the tape of that is torn" >&2; exit 1; }
	cp "$here/content$1" "$2.srm-new" && mv "$2.srm-new" "$2"
END
cat >rules <<-END
	# alice reads, the robot writes
	read /mdm /mdm
	write /mdm /mdm/Role=robot
END
"$services/xrootd" start se || exit 70
"$services/srm" start srm --root "$dir/se/files" --rules "$dir/rules" \
    --turl "$(sed 's,/mdm$,,' se/root)" --turl "$(sed 's,/mdm$,,' se/https)" \
    --nearline "$dir/near" --stage "sh $dir/stage" || exit 70
url=$(cat srm/url)
export url

# Debian's configuration of gfal2 asks neither for root nor without a BDII.
cp -r /etc/gfal2.d gfal
sed -i 's/^TURL_PROTOCOLS=.*/TURL_PROTOCOLS=root/; s/^TURL_3RD_PARTY_PROTOCOLS=.*/TURL_3RD_PARTY_PROTOCOLS=root/' gfal/srm_plugin.conf
sed -i 's/ENABLED=.*/ENABLED=false/' gfal/bdii.conf
sed -i 's/^RETRIEVE_BEARER_TOKEN=.*/RETRIEVE_BEARER_TOKEN=false/' gfal/http_plugin.conf

gfal() { # CLIENT COMMAND ARGUMENT...
	env PATH="/usr/bin:$PATH" GFAL_CONFIG_DIR="$dir/gfal" \
	    X509_USER_PROXY="$dir/$1.proxy" X509_CERT_DIR="$dir/pki/certificates" \
	    X509_VOMS_DIR="$dir/pki/vomsdir" SSL_CERT_FILE=/dev/null \
	    timeout 60 "gfal-$2" "${@:3}"
}

post() { # CLIENT: the body is on stdin; the answer, then a line with the status
	# shellcheck disable=SC2046 # options
	curl -sS -m 20 --cacert "$dir/pki/ca.pem" $(as "$1") -w '\n%{http_code}\n' \
	    --data-binary @- "https://localhost:$(cut -d' ' -f1 "$dir/srm/ports")/srm/managerv2"
}

envelope() { # OPERATION ARGUMENTS
	printf '<?xml version="1.0"?><E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/" xmlns:s="http://srm.lbl.gov/StorageResourceManager"><E:Body><s:%s><%sRequest>%s</%sRequest></s:%s></E:Body></E:Envelope>' \
	    "$1" "$1" "$2" "$1" "$1"
}

soap() { # CLIENT OPERATION ARGUMENTS
	envelope "$2" "$3" | post "$1"
}

field() { # NAME <ANSWER: the text of the first such element
	grep -o "<$1>[^<]*" | head -n 1 | cut -d'>' -f2-
}

surls() { # PATH...
	local p
	echo "<arrayOfSURLs>"
	for p; do echo "<urlArray>srm://localhost:1/srm/managerv2?SFN=$p</urlArray>"; done
	echo "</arrayOfSURLs>"
}

files() { # sourceSURL|targetSURL PATH...
	local p
	echo "<arrayOfFileRequests>"
	for p in "${@:2}"; do
		echo "<requestArray><$1>srm://localhost:1/srm/managerv2?SFN=$p</$1>${size:+<expectedFileSize>$size</expectedFileSize>}</requestArray>"
	done
	echo "</arrayOfFileRequests>"
}

status_until() { # CLIENT OPERATION TOKEN WANTED: ask until it is that
	local got
	while :; do
		got=$(soap "$1" "$2" "<requestToken>$3</requestToken>" | field statusCode)
		[ "$got" != "$4" ] || return 0
		case $got in
		SRM_REQUEST_*) ;;
		*) echo "$got, not $4"; return 1 ;;
		esac
	done
}
has() { # GREP-ARGUMENT...: the input has such a line
	local in
	in=$(cat)
	grep -q "$@" <<<"$in" || { echo "no $*: ${in:0:600}" >&3; return 1; }
}

lacks() {
	local in
	in=$(cat)
	! grep -e "$1" <<<"$in" >&3
}
export -f has lacks
export -f gfal post envelope soap field surls files status_until

t 'gfal-mkdir, gfal-copy there and back, gfal-ls -l, gfal-sum' '
	head -c 3000000 /dev/urandom >in
	gfal robot mkdir "$url/d"
	gfal robot copy --checksum ADLER32 "file://$dir/in" "$url/d/x"
	gfal alice ls -l "$url/d" >list
	grep -q "^-r.* 3000000 .* x" list
	[ "$(wc -l <list)" = 1 ]
	gfal alice sum "$url/d/x" ADLER32 >sum
	"$PYTHON" -c "import zlib; print(\"%08x\" % zlib.adler32(open(\"in\", \"rb\").read()))" | grep -qf - sum
	gfal alice copy "$url/d/x" "file://$dir/out"
	same in out
	same in se/files/mdm/d/x
	gfal alice stat "$url/d" | says directory /dev/stdin
	exits 17 gfal robot mkdir "$url/d"
	gfal robot rename "$url/d/x" "$url/d/y"
	[ -e se/files/mdm/d/y ] && [ ! -e se/files/mdm/d/x ]
'

t 'a put over what is there only if so asked' '
	exits 17 gfal robot copy "file://$dir/in" "$url/d/y" 2>err
	head -c 1000 in >in2
	gfal robot copy -f "file://$dir/in2" "$url/d/y"
	same in2 se/files/mdm/d/y
'

t 'gfal-rm, and no directory that is not empty' '
	gfal robot mkdir "$url/e"
	gfal robot copy "file://$dir/in2" "$url/e/x"
	soap robot srmRmdir "<SURL>$url/e</SURL>" | has SRM_NON_EMPTY_DIRECTORY
	gfal robot rm "$url/e/x" | has DELETED
	exits 2 gfal robot rm "$url/e/x" >out
	gfal robot rm -r "$url/e"
	[ ! -e se/files/mdm/e ]
'

t 'who may not, gets nothing, and that is on record' '
	exits 13 gfal bob ls "$url" 2>err
	exits 13 gfal bob copy "$url/d/y" "file://$dir/no" 2>err
	[ ! -e no ]
	exits 13 gfal alice rm "$url/d/y" 2>err >&2
	soap alice srmPrepareToPut "$(files targetSURL /mdm/d/z)" | has SRM_AUTHORIZATION_FAILURE
	soap alice srmMkdir "<SURL>$url/d2</SURL>" | has SRM_AUTHORIZATION_FAILURE
	[ -e se/files/mdm/d/y ] && [ ! -e se/files/mdm/d/z ]
	soap alice srmMv "<fromSURL>/mdm/d/y</fromSURL><toSURL>/mdm/d/z</toSURL>" | has SRM_AUTHORIZATION_FAILURE
	grep -q "op=rm.*answer=denied.*ok=0.*id=/mdm/d/y.*Alice" srm/audit
	soap - srmPing "" 2>&1 | has -x 200 && exit 1 || :
	soap alice srmPing "" | has "<versionInfo>v2.2<"
'

t 'a put is seen when it is whole' '
	size=1000
	soap robot srmPrepareToPut "$(files targetSURL /mdm/d/p)" >put
	token=$(field requestToken <put) turl=$(field transferURL <put)
	grep -q SRM_SPACE_AVAILABLE put
	[ "${turl%%:*}" = root ]
	done=$(printf "<requestToken>%s</requestToken>%s" "$token" "$(surls /mdm/d/p)")
	soap robot srmPutDone "$done" | has "nothing was written"
	temp=se/files/${turl#root://*//}
	head -c 999 in >"$temp"
	soap alice srmLs "$(surls /mdm/d/p)" | has SRM_INVALID_PATH
	soap alice srmLs "$(surls /mdm/d)" | lacks "\.srm\."
	soap robot srmPutDone "$done" | has "999 bytes came, not 1000"
	soap robot srmRm "$(surls "/mdm/d/${temp##*/}")" | has SRM_INVALID_PATH
	head -c 1000 in >"$temp"
	soap alice srmPutDone "$done" | has SRM_AUTHORIZATION_FAILURE
	soap robot srmPutDone "$done" | has "SRM_SUCCESS<"
	soap robot srmPutDone "$done" | has "SRM_SUCCESS<"
	same in2 se/files/mdm/d/p
	[ ! -e "$temp" ]
'

t 'nothing is written over unasked: two puts of one name, a move' '
	size=
	for i in 1 2; do
		soap robot srmPrepareToPut "$(files targetSURL /mdm/d/w)" >put$i
		turl=$(field transferURL <put$i)
		echo $i >"se/files/${turl#root://*//}"
	done
	for i in 1 2; do
		soap robot srmPutDone "<requestToken>$(field requestToken <put$i)</requestToken>$(surls /mdm/d/w)" >done$i
	done
	has "SRM_SUCCESS<" <done1
	has SRM_DUPLICATION_ERROR <done2
	[ "$(cat se/files/mdm/d/w)" = 1 ]
	soap robot srmMv "<fromSURL>/mdm/d/y</fromSURL><toSURL>/mdm/d/w</toSURL>" | has SRM_DUPLICATION_ERROR
	[ "$(cat se/files/mdm/d/w)" = 1 ]
'

t 'a put that was killed as its name changed is done' '
	size=
	soap robot srmPrepareToPut "$(files targetSURL /mdm/d/k)" >put
	token=$(field requestToken <put) turl=$(field transferURL <put)
	temp=se/files/${turl#root://*//}
	cp in2 "$temp"
	mv "$temp" se/files/mdm/d/k
	sqlite3 srm/state/db "UPDATE file SET state = 115, inode = $(stat -c %i se/files/mdm/d/k) WHERE token = \"$token\""
	soap robot srmPutDone "<requestToken>$token</requestToken>$(surls /mdm/d/k)" | has "SRM_SUCCESS<"
	sqlite3 srm/state/db "UPDATE file SET state = 115, inode = 1 WHERE token = \"$token\""
	soap robot srmPutDone "<requestToken>$token</requestToken>$(surls /mdm/d/k)" | has "nothing was written"
'

t 'many in one request, some of which fail' '
	size=
	soap robot srmPrepareToPut "$(files targetSURL /mdm/d/m1 /mdm/d/y /mdm/d/m2 /mdm/nodir/m /mdm/d/m3)" >put
	field statusCode <put | has -x SRM_PARTIAL_SUCCESS
	grep -o "<statusCode>[^<]*" put | tail -n 5 | cut -d">" -f2 | paste -sd" " | has -x "SRM_SPACE_AVAILABLE SRM_DUPLICATION_ERROR SRM_SPACE_AVAILABLE SRM_INVALID_PATH SRM_SPACE_AVAILABLE"
	token=$(field requestToken <put)
	for turl in $(grep -o "<transferURL>[^<]*" put | cut -d">" -f2 | head -n 2); do
		cp in2 "se/files/${turl#root://*//}"
	done
	soap robot srmPutDone "<requestToken>$token</requestToken>$(surls /mdm/d/m1 /mdm/d/m2 /mdm/d/m3)" | field statusCode | has -x SRM_PARTIAL_SUCCESS
	same in2 se/files/mdm/d/m2
	soap robot srmAbortRequest "<requestToken>$token</requestToken>" | field statusCode | has -x SRM_SUCCESS
	soap robot srmStatusOfPutRequest "<requestToken>$token</requestToken>" >status
	grep -o "<statusCode>[^<]*" status | tail -n 5 | cut -d">" -f2 | paste -sd" " | has -x "SRM_SUCCESS SRM_DUPLICATION_ERROR SRM_SUCCESS SRM_INVALID_PATH SRM_ABORTED"
	names=$(printf "/mdm/d/y %.0s" $(seq 3000))
	soap alice srmBringOnline "$(files sourceSURL $names)" >ask
	[ "$(grep -o "<statusCode>SRM_SUCCESS" ask | wc -l)" = 3001 ]
	soap alice srmReleaseFiles "<requestToken>$(field requestToken <ask)</requestToken>" >released
	[ "$(grep -o "<statusCode>SRM_SUCCESS" released | wc -l)" = 3001 ]
	[ "$(sqlite3 srm/state/db "SELECT count(*) FROM file WHERE state = 114")" -ge 3000 ]
	soap robot srmRm "$(surls /mdm/d/m1 /mdm/d/m2 /mdm/d/m3)" | field statusCode | has -x SRM_PARTIAL_SUCCESS
	[ ! -e se/files/mdm/d/m2 ]
'

t 'aborted, or its time over, a put leaves nothing' '
	size=
	for end in srmAbortRequest srmAbortFiles over; do
		soap robot srmPrepareToPut "$(files targetSURL /mdm/d/q)" >put
		token=$(field requestToken <put) turl=$(field transferURL <put)
		temp=se/files/${turl#root://*//}
		cp in2 "$temp"
		if [ $end = over ]; then
			sqlite3 srm/state/db "UPDATE request SET until = 1 WHERE token = \"$token\""
			soap robot srmPutDone "<requestToken>$token</requestToken>$(surls /mdm/d/q)" >/dev/null
			soap robot srmPrepareToPut "$(files targetSURL /mdm/d/q2)" >/dev/null
		else
			soap alice $end "<requestToken>$token</requestToken>$(surls /mdm/d/q)" | has SRM_AUTHORIZATION_FAILURE
			soap robot $end "<requestToken>$token</requestToken>$(surls /mdm/d/q)" | has "SRM_SUCCESS<"
			soap robot srmStatusOfPutRequest "<requestToken>$token</requestToken>" | has SRM_ABORTED
		fi
		[ ! -e "$temp" ]
	done
'

t 'protocols: the first that is asked for and there' '
	p() { for x; do echo "<stringArray>$x</stringArray>"; done; }
	for want in root https; do
		soap alice srmPrepareToGet "$(files sourceSURL /mdm/d/y)<transferParameters><arrayOfTransferProtocols>$(p gsiftp $want root)</arrayOfTransferProtocols></transferParameters>" | field transferURL | has "^$want://localhost:[0-9]*/.*mdm/d/y\$"
	done
	soap alice srmPrepareToGet "$(files sourceSURL /mdm/d/y)<transferParameters><arrayOfTransferProtocols>$(p gsiftp)</arrayOfTransferProtocols></transferParameters>" | has SRM_NOT_SUPPORTED
	soap alice srmGetTransferProtocols "" | has "<transferProtocol>https<"
'

t 'what is nearline says so, is brought online, and then is the same' '
	[ "$(gfal alice ls -l "$url/tape" | grep -c " 200000 ")" = 4 ]
	gfal alice xattr "$url/tape/one" user.status | has -x "NEARLINE *"
	gfal alice bringonline --polling-timeout 50 "$url/tape/one"
	gfal alice xattr "$url/tape/one" user.status | has "ONLINE_AND_NEARLINE\|ONLINE AND NEARLINE\|ONLINE"
	gfal alice copy "$url/tape/one" "file://$dir/one"
	same one content/mdm/tape/one
	gfal alice copy "$url/tape/three" "file://$dir/three"
	same three content/mdm/tape/three
	soap robot srmRm "$(surls /mdm/tape/four)" | has SRM_NOT_SUPPORTED
'

t 'what cannot be brought online says why' '
	soap alice srmBringOnline "$(files sourceSURL /mdm/tape/lost /mdm/tape/none /mdm/d/y)" >ask
	grep -o "<statusCode>[^<]*" ask | tail -n 2 | tr "\n" " " | has "SRM_INVALID_PATH.*SRM_SUCCESS"
	token=$(field requestToken <ask)
	status_until alice srmStatusOfBringOnlineRequest "$token" SRM_PARTIAL_SUCCESS
	soap alice srmStatusOfBringOnlineRequest "<requestToken>$token</requestToken>$(surls /mdm/tape/lost)" | has "the tape of that is torn"
	soap robot srmStatusOfBringOnlineRequest "<requestToken>$token</requestToken>" | has SRM_AUTHORIZATION_FAILURE
	soap alice srmStatusOfGetRequest "<requestToken>$token</requestToken>" | has SRM_INVALID_REQUEST
	soap alice srmReleaseFiles "<requestToken>$token</requestToken>$(surls /mdm/d/y)" | has "SRM_SUCCESS<"
	soap alice srmStatusOfBringOnlineRequest "<requestToken>$token</requestToken>$(surls /mdm/d/y)" | has SRM_RELEASED
'

t 'many ask, one brings; killed in the midst, it goes on' '
	: >staged
	for i in 1 2 3; do
		soap alice srmBringOnline "$(files sourceSURL /mdm/tape/two)" | field requestToken
	done >tokens
	until_line staged /mdm/tape/two
	[ "$(soap alice srmStatusOfBringOnlineRequest "<requestToken>$(head -n 1 tokens)</requestToken>" | field statusCode)" = SRM_REQUEST_INPROGRESS ]
	"$services/srm" kill srm
	"$services/srm" again srm
	until_line staged /mdm/tape/two 2
	soap alice srmPrepareToGet "$(files sourceSURL /mdm/tape/two)" | field requestToken >get
	echo go >gate
	while read -r token; do
		status_until alice srmStatusOfBringOnlineRequest "$token" SRM_SUCCESS
	done <tokens
	status_until alice srmStatusOfGetRequest "$(cat get)" SRM_SUCCESS
	soap alice srmStatusOfGetRequest "<requestToken>$(cat get)</requestToken>" | field transferURL | has tape/two
	[ "$(wc -l <staged)" = 2 ]
	same se/files/mdm/tape/two content/mdm/tape/two
'

t 'hostile XML is refused, and costs nothing' '
	bad() { # FILE WHY
		post alice <"$1" >answer
		tail -n 1 answer | has -x 400
		says "$2" answer
	}
	printf "<" >x && bad x "not well-formed"
	: >x && bad x "not well-formed\|no operation"
	printf "<a/>" >x && bad x "not a SOAP envelope"
	envelope srmPing "" | sed "s,1.0\",& encoding=\"ISO-8859-1\"," >x && bad x "not UTF-8"
	envelope srmPing "" | iconv -t UTF-16 >x && bad x "not UTF-8\|not well-formed"
	envelope srmLs "" | sed "s,<?xml[^>]*>,&<!DOCTYPE a [<!ENTITY b \"b\">]>," >x && bad x "a document type"
	envelope srmLs "" | sed "s,<?xml[^>]*>,&<!DOCTYPE a SYSTEM \"file:///etc/passwd\">," >x && bad x "a document type"
	envelope srmMkdir "<SURL>&b;</SURL>" >x && bad x "an entity"
	envelope srmMkdir "$(printf "<a>%.0s" $(seq 100000))" >x && bad x "nested too deeply"
	envelope srmMkdir "<SURL>/$(printf "a%.0s" $(seq 9000))</SURL>" >x && bad x "too long"
	envelope srmMkdir "$(printf "<a/>%.0s" $(seq 70000))" >x && bad x "too many elements"
	envelope srmLs "$(printf "<urlArray/>%.0s" $(seq 10001))" >x && bad x "more than 10000"
	envelope srmMkdir "" | sed "s/lbl/xxx/" >x && bad x "not an operation of SRM"
	envelope srmMkdir "" | sed "s/Body/Head/g" >x && bad x "no operation"
	head -c 17000000 /dev/zero | tr "\0" " " >x && bad x "too long"
	ask alice srm / | has -x 405
	soap alice srmNothing "" | has SRM_NOT_SUPPORTED
	soap alice srmMkdir "" | has SRM_INVALID_REQUEST
	soap alice srmStatusOfGetRequest "<requestToken>x</requestToken>" | has SRM_INVALID_REQUEST
	soap alice srmLs "$(surls "/mdm/%26&amp;&lt;&#65;")" | has "<path>/mdm/%26&amp;&lt;A<"
'

t 'no path leads out' '
	ln -s /etc se/files/mdm/link
	ln -s "$dir/content" se/files/mdm/link2
	for p in /mdm/../../pki /mdm/./d "/mdm/link" /mdm/link/passwd /mdm/link2/mdm /mdm/d/.srm.x "" mdm/d; do
		soap robot srmLs "$(surls "$p")" | has SRM_INVALID_PATH
	done
	soap robot srmMkdir "<SURL>/mdm/link/x</SURL>" | has SRM_INVALID_PATH
	soap robot srmMv "<fromSURL>/mdm/d/y</fromSURL><toSURL>/mdm/link2/y</toSURL>" | has SRM_INVALID_PATH
	soap robot srmPrepareToPut "$(files targetSURL /mdm/link2/y)" | has SRM_INVALID_PATH
	soap alice srmLs "$(surls /mdm)" | lacks link
	soap alice srmLs "$(surls //mdm//d/)" | has "<path>/mdm/d<"
	rm se/files/mdm/link se/files/mdm/link2
'

t 'large directories are listed in parts' '
	mkdir se/files/mdm/large
	(cd se/files/mdm/large && seq -f f%05.0f 10001 | xargs touch)
	soap alice srmLs "$(surls /mdm/large)" | has SRM_TOO_MANY_RESULTS
	soap alice srmLs "$(surls /mdm/large)<offset>9998</offset><count>100</count>" >part
	grep -o "<path>/mdm/large/[^<]*" part | tr -d "\n" | has -x "<path>/mdm/large/f09999<path>/mdm/large/f10000<path>/mdm/large/f10001"
	gfal alice ls "$url/large" | wc -l | has -x 10001
'

t 'rules are read again on SIGHUP, and only good ones' '
	echo "read /mdm" >rules
	pid=$(cat srm/pid)
	kill -HUP "$pid"
	until_line srm/log "nobody named"
	until_line srm/log "read again"
	soap alice srmLs "$(surls /mdm/d)" | has "<path>/mdm/d/y<"
	echo "read /mdm/d2 /mdm" >rules
	kill -HUP "$pid"
	until_line srm/log "read again" 2
	soap alice srmLs "$(surls /mdm/d)" | has SRM_AUTHORIZATION_FAILURE
	echo "read / *" >rules
	kill -HUP "$pid"
	until_line srm/log "read again" 3
	soap bob srmLs "$(surls /mdm/d)" | has "<path>/mdm/d/y<"
'

t 'usage, status, and its end' '
	exits 64 srm-serve 2>err
	exits 64 srm-serve --root . --database sqlite:x --turl x --audit a 2>err
	exits 64 srm-serve --root . --database sqlite:x --turl root://x/ --stage x --audit a 2>err
	printf "look /a /b\n" >bad
	exits 65 srm-serve --root . --database sqlite:x --turl root://x/ --rules bad --audit a 2>err
	says "bad:1: neither read nor write" err
	exits 74 srm-serve --root none --database sqlite:x --create --turl root://x/ --audit a 2>err
	curl -sS "http://127.0.0.1:$(cut -d" " -f2 srm/ports)/metrics" | has "srm_surls_total{op=\"ls\",answer=\"allowed\"}"
	"$services/srm" stop srm
	silent "Sanitizer" srm/log
'
done_testing
