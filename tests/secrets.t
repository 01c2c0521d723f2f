#!/bin/bash
# Where keys are, and where they are not.
. "${0%/*}/lib.sh"
. "$here/flow.sh"

t 'a key is seen on its way to ssss-split and nowhere else' '
	a_site site
	mkdir tmp
	export TMPDIR=$PWD/tmp
	# -xx: every string in hex; all that is written, run, opened or mapped
	strace -f -qq -xx -s 300000 -o trace \
		-e trace=execve,write,writev,pwrite64,sendto,sendmsg,openat,vmsplice \
		"$top/pipelines/mdm-ingest" "$DICOM/CT_small.dcm" 2>log
	lfc-ls -R --manifest >M
	hydra-get <M | ssss-join >joined
	key=$(sed -n "s/.*	key=//p" joined)
	[ ${#key} -eq 64 ]
	hexed=$(printf %s "$key" | od -An -v -tx1 | tr -d " \n" | sed "s/../\\\\x&/g")
	raw=$(sed "s/../\\\\x&/g" <<<"$key")
	grep -F "$hexed" trace >seen
	[ "$(wc -l <seen)" -eq 1 ]
	grep -Eq "write\(3, " seen
	exits 1 grep -F "$raw" trace
	# nor in any file of the state, the storage or the temporary directory
	exits 1 grep -rlaF "$key" site tmp
	$PYTHON -c "
import os, sys
key = bytes.fromhex(sys.argv[1])
for top in (\"site\", \"tmp\"):
    for d, _, fs in os.walk(top):
        for f in fs:
            assert key not in open(os.path.join(d, f), \"rb\").read(), f" "$key"
'

t 'no share leaves its store, or its pipe' '
	export MDM_HOME=$PWD/site
	hydra-get <M >shares
	exits 1 grep -rlaF "$(sed -n "1s/.*	share=\([0-9a-f]*\).*/\1/p" shares)" site tmp
	silent "share=" M log
'

t 'programs that hold secrets leave no core and cannot be traced' '
	ulimit -c unlimited
	mkfifo fifo
	for prog in "mdm-encrypt --keys fifo" "mdm-decrypt --keys fifo" ssss-split ssss-join hydra-put; do
		$PYTHON - $prog <<-"END"
			import os, signal, subprocess, sys
			r, w = os.pipe()
			k = os.open("fifo", os.O_RDWR)
			p = subprocess.Popen(sys.argv[1:], stdin=r, stdout=subprocess.DEVNULL,
			    stderr=subprocess.PIPE, close_fds=True)
			# It has begun to read when it is asleep in read(2) or poll(2).
			while p.poll() is None:
			    with open("/proc/%d/syscall" % p.pid) as f:
			        if f.read().split()[0] in ("0", "7"): break
			assert p.poll() is None, p.stderr.read()
			limits = open("/proc/%d/limits" % p.pid).read()
			core = [l for l in limits.splitlines() if "core file" in l][0]
			assert core.split()[4:6] == ["0", "0"], core
			p.send_signal(signal.SIGQUIT)
			pid, status = os.waitpid(p.pid, 0)
			assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), status
		END
	done
'

t 'key files that others could read are refused' '
	a_site open
	for f in site.key sign.key; do
		chmod 640 open/$f
		got=0
		mdm-ingest "$DICOM/CT_small.dcm" 2>log || got=$?
		[ "$got" -eq 77 ]
		says "$f: others than its owner may read it" log
		chmod 600 open/$f
	done
	[ "$(stat -c %a open/store-1.sqlite.key)" = 600 ]
	chmod 644 open/store-1.sqlite.key
	got=0
	mdm-ingest "$DICOM/CT_small.dcm" 2>log || got=$?
	[ "$got" -gt 1 ]
'

t 'new keys never replace old ones' '
	for make in "dcm-anon --new-site-key" "mdm-sign --new-sign-key"; do
		$make k
		cp k old
		[ "$(stat -c %a k)" = 600 ]
		exits 74 $make k 2>log
		same old k
		rm -f k k.pub
	done
'

done_testing
