#!/bin/bash
. "${0%/*}/lib.sh"
. "$here/pacs.sh"

# recv OPTION...: dcm-recv until the test ends; $host and $port are where
PATH=$PATH
recv() {
	rm -f address
	dcm-recv --listen 127.0.0.1:0 --address address "$@" 3>&- &
	recv_pid=$!
	trap 'kill $recv_pid 2>/dev/null || :' EXIT
	until [ -s address ]; do
		kill -0 $recv_pid || return 1
		read -rt 0.01 <> <(:) || :
	done
	port=$(sed 's/.*://' address)
}

# stop: SIGTERM, and its status
stop() {
	local got=0
	kill $recv_pid
	wait $recv_pid || got=$?
	return $got
}

# send FILE...: as dcmtk does, without changing the syntax
send() {
	storescu -aec MDM -aet SENDER 127.0.0.1 "$port" "$@"
}
export -f recv stop send
export TCP_NODELAY=1

ct ct 6 1.2.5
for f in ct/*; do
	dcmconv -q -g --padding-off "$f" n && mv n "$f"
done

t 'one stream on standard output, ended by SIGTERM' '
	recv >got.rec
	send ct/000[0-3].dcm
	send ct/000[45].dcm
	stop
	came got.rec ct
	rec-list <got.rec | says "^1.2.5/1.2.5.0/1.2.5.0.0	via=dcm-recv" /dev/stdin
'

t 'several senders at once' '
	recv >got.rec
	for i in 0 1 2 3 4 5; do send ct/000$i.dcm & pids[i]=$!; done
	for p in "${pids[@]}"; do wait $p; done
	stop
	came got.rec ct
'

t 'a stream for each association, in a directory; an echo leaves nothing' '
	mkdir in
	recv --dir in
	echoscu -aec MDM 127.0.0.1 $port
	send ct/000[0-3].dcm
	send ct/000[45].dcm
	stop
	[ "$(find in -name "*.rec" | wc -l)" -eq 2 ]
	[ "$(find in -type f | wc -l)" -eq 2 ]
	for f in in/*.rec; do rec-unpack -C x <$f; done
	sums $(find x -type f) >got
	sums ct/* >want
	same want got
'

t 'success is said when it is durable, and not before' '
	mkdir sync
	recv --dir sync
	strace -f -qq -p $recv_pid -e trace=fdatasync,fsync,rename -o trace 3>&- & s=$!
	until grep -q "^TracerPid:.[1-9]" /proc/$recv_pid/status; do read -rt 0.01 <> <(:) || :; done
	send ct/*
	stop
	wait $s || :
	[ "$(grep -c fdatasync trace)" -ge 6 ]
	says "rename" trace
'

t 'killed: what it had said yes to is there at the next start' '
	mkdir spool
	recv --dir spool
	mkfifo go
	# half of them, and the association stays open
	$PYTHON - $port <<-END & sender=$!
	import os, socket, struct, sys
	import pydicom
	def item(t, v): return struct.pack(">BBH", t, 0, len(v)) + v
	cls, ts = b"1.2.840.10008.5.1.4.1.1.2", b"1.2.840.10008.1.2.1"
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	body = struct.pack(">HH", 1, 0) + b"MDM".ljust(16) + b"PY".ljust(16) + bytes(32)
	body += item(0x10, b"1.2.840.10008.3.1.1.1")
	body += item(0x20, bytes([1, 0, 0, 0]) + item(0x30, cls) + item(0x40, ts))
	body += item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3"))
	s.sendall(struct.pack(">BBI", 1, 0, len(body)) + body)
	def pdu():
	    h = s.recv(6, socket.MSG_WAITALL)
	    return s.recv(struct.unpack(">I", h[2:])[0], socket.MSG_WAITALL)
	pdu()
	def el(e, v): return struct.pack("<HHI", 0, e, len(v)) + v
	def data(flags, v):
	    s.sendall(struct.pack(">BBIIBB", 4, 0, len(v) + 6, len(v) + 2, 1, flags) + v)
	for i in range(4):
	    b = open("ct/000%d.dcm" % i, "rb").read()
	    m = pydicom.filereader.read_file_meta_info("ct/000%d.dcm" % i)
	    uid = m.MediaStorageSOPInstanceUID.encode()
	    uid += bytes(len(uid) % 2)
	    c = el(2, cls + b"\0") + el(0x100, b"\1\0") + el(0x110, b"\1\0") + \
	        el(0x700, b"\0\0") + el(0x800, b"\0\0") + el(0x1000, uid)
	    data(3, el(0, struct.pack("<I", len(c))) + c)
	    b = b[144 + m.FileMetaInformationGroupLength:]
	    parts = [b[j:j + 16000] for j in range(0, len(b), 16000)]
	    for j, p in enumerate(parts):
	        if i == 3 and j == len(parts) - 1:
	            break # the last is never whole
	        data(2 if j == len(parts) - 1 else 0, p)
	    if i < 3:
	        pdu()
	open("go", "w").close()
	s.recv(1)
	END
	read -r _ <go || :
	[ -z "$(find spool -name "*Z-*.rec")" ]
	kill -KILL $recv_pid
	wait $recv_pid || :
	wait $sender || :
	recv --dir spool 2>err
	says "1 streams that were left unfinished are whole now" err
	stop
	rec-list <spool/*.rec >got
	[ "$(count got)" -eq 3 ]
	[ "$(find spool -type f | wc -l)" -eq 1 ]
'

t 'who may send, and to whom' '
	recv --from SENDER --from OTHER >got.rec 2>err
	send ct/0000.dcm
	exits 1 storescu -aec MDM -aet STRANGER 127.0.0.1 $port ct/0001.dcm 2>/dev/null
	exits 1 storescu -aec NOTME -aet SENDER 127.0.0.1 $port ct/0001.dcm 2>/dev/null
	stop
	says "AE title is not allowed" err
	says "AE title that is not ours" err
	rec-list <got.rec >got
	[ "$(count got)" -eq 1 ]
	recv --any-aet >got.rec
	storescu -aec WHATEVER 127.0.0.1 $port ct/0001.dcm
	stop
'

t 'what is not a storage service is not offered; noise does no harm' '
	recv --timeout 5 >got.rec 2>err
	exits 2 findscu -S -aec MDM -k 0008,0052=STUDY 127.0.0.1 $port 2>/dev/null ||
		exits 1 findscu -S -aec MDM -k 0008,0052=STUDY 127.0.0.1 $port 2>/dev/null
	head -c 5000 /dev/urandom >/dev/tcp/127.0.0.1/$port || :
	printf "\1\0\377\377\377\377" >/dev/tcp/127.0.0.1/$port || :
	: >/dev/tcp/127.0.0.1/$port
	send ct/0000.dcm
	stop
	rec-list <got.rec >got
	[ "$(count got)" -eq 1 ]
'

t 'an object that says two different things is refused' '
	cp ct/0001.dcm bad.dcm
	recv >got.rec 2>err
	dcmodify -q -nb -e "(0020,000d)" bad.dcm
	send -nh bad.dcm ct/0000.dcm 2>/dev/null || :
	stop
	says "an object was refused (C000)" err
	rec-list <got.rec >got
	[ "$(count got)" -eq 1 ]
'

t 'over TLS, with certificates on both sides' '
	pki "$dir/pki"
	recv --tls --cert pki/host.pem --key pki/host.key --ca pki/ca.pem >got.rec 2>err
	storescu -aec MDM +tls pki/robot.key pki/robot.pem +cf pki/ca.pem 127.0.0.1 $port ct/*
	exits 1 storescu -aec MDM +tla +cf pki/ca.pem 127.0.0.1 $port ct/* 2>/dev/null
	exits 1 storescu -aec MDM +tls pki/stranger.key pki/stranger.pem +cf pki/ca.pem \
		127.0.0.1 $port ct/* 2>/dev/null
	exits 1 storescu -aec MDM 127.0.0.1 $port ct/* 2>/dev/null
	stop
	came got.rec ct
'

t 'a full disk is said to the sender, and the exit status is 74' '
	recv >/dev/full 2>err
	send ct/0000.dcm 2>/dev/null || :
	got=0
	wait $recv_pid || got=$?
	[ $got -eq 74 ]
'

t 'settings that cannot be' '
	exits 64 dcm-recv x
	exits 64 dcm-recv --listen nowhere:99999
	exits 64 dcm-recv --associations 0
	exits 64 dcm-recv --dir . -o x
	exits 64 dcm-recv --tls
	exits 74 dcm-recv --dir missing
'

done_testing
