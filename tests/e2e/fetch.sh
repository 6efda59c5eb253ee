#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `vae-lab data fetch` against a local server: complete, cut, redirected, wrong and missing files, and no server at all.
. "$(dirname "$0")/common.sh.inc"
command -v python3 >/dev/null || { skip "data fetch" "python3 is not installed"; exit 0; }
unset VAE_LAB_DATA_URL http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
files="train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte"
mkdir served
real=${VAE_LAB_TEST_DATA:-}/mnist
if [ -e "$real/train-images-idx3-ubyte.gz" ]; then
    for f in $files; do cp "$real/$f.gz" served; done
    chmod u+w served/*
else
    real=
    for f in $files; do head -c 60000 /dev/urandom | gzip -1 >served/$f.gz; done
fi
python3 "$root/tests/e2e/server.py" served >port 2>server.err &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
until_true [ -s port ] || { no "data fetch" "no server: $(cat server.err)"; exit 1; }
at=http://127.0.0.1:$(cat port)
# requests BEHAVIOUR: how many were asked for files, ranges only with "bytes"
requests() { grep "^/$1/.*gz $2" served.log | grep -vc "/mnist/"; }
left() { find "$1" -name '*.part' 2>/dev/null | wc -l | tr -d ' '; }

# ---- addresses that do not give the file
check "fetch: a web page instead of a file" 5 'note: .*/html/.*web page.*DOCTYPE' 'trying the next address' 'expected +a gzip file' 'To fetch mnist by hand, put these files into a/mnist' 'amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz +\(4542 bytes\)' -- \
    "$VAE_LAB" data fetch mnist --data-dir a --from $at/html
check "fetch: no such file" 5 'status 404: no such file' -- "$VAE_LAB" data fetch mnist --data-dir a --from $at/nothing/here
check "fetch: redirects without an end" 5 'more than 5 redirects' -- "$VAE_LAB" data fetch mnist --data-dir a --from $at/loop
check "fetch: a redirect to a local file is not followed" 5 "rotocol" -- "$VAE_LAB" data fetch mnist --data-dir a --from $at/file
check "fetch: other content" 5 'could not be fetched' 'this is not the published file|not an IDX file|IDX' -- "$VAE_LAB" data fetch mnist --data-dir a --from $at/wrong
check "fetch: no server" 5 'ould not connect|onnection refused|Failed to connect' 'To fetch mnist by hand' -- "$VAE_LAB" data fetch mnist --data-dir a --from http://127.0.0.1:1/x
check "fetch: no such host" 5 'resolve host' -- "$VAE_LAB" data fetch kmnist --data-dir a --from http://host.invalid
check "fetch: a server that says no more" 5 'no byte for 1 s, 1000 bytes so far' -- "$VAE_LAB" data fetch mnist --data-dir b --from $at/stall --stall 1
if command -v script >/dev/null; then
    TERM=xterm script -qec "'$VAE_LAB' data fetch mnist --data-dir p --from $at/stall --stall 3" /dev/null </dev/null >out 2>&1
    grep -qE 'train-images-idx3-ubyte  0.0 of [0-9.]+ MB  [0-9]+ %  [0-9.]+ MB/s  [0-9]+:[0-9]{2} left' out && grep -q "$(printf '\r\033\[K')" out &&
        ok "fetch: progress on a terminal" || no "fetch: progress on a terminal" "$(cat -v out)"
else
    skip "fetch: progress on a terminal" "there is no script command"
fi
[ "$(left a)" = 0 ] && [ "$(find a -type f | wc -l | tr -d ' ')" = 0 ] && ok "fetch: nothing wrong is left" || no "fetch: left" "$(find a -type f)"
[ "$(stat -c %s b/mnist/*.part)" = 1000 ] && ok "fetch: what a cut connection gave is kept" || no "fetch: part" "$(ls -l b/mnist)"
check "fetch: an address of another kind" 2 'http://' -- "$VAE_LAB" data fetch mnist --data-dir a --from /tmp
check "fetch: an unknown set" 5 'did you mean "mnist"' -- "$VAE_LAB" data fetch mnits
check "fetch: a built-in set" 0 'built in' -- "$VAE_LAB" data fetch digits
check "fetch: a set that must be converted" 5 'by hand: https://cs.nyu.edu' -- "$VAE_LAB" data fetch freyfaces
check "import: nothing there" 5 'no file of a published data set' -- "$VAE_LAB" data import a
check "import: an unknown set" 5 'no data set "none"' -- "$VAE_LAB" data import a none
touch file
check "fetch: a folder that cannot be made" 5 'file' 'data-dir' -- "$VAE_LAB" data fetch mnist --data-dir file/x --from $at/ok

# ---- a signal
"$VAE_LAB" data fetch mnist --data-dir c --from $at/slow >out 2>&1 &
pid=$!
until_true [ -s c/mnist/train-images-idx3-ubyte.gz.part ]
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] && grep -q 'what was fetched is kept' out && [ -s c/mnist/train-images-idx3-ubyte.gz.part ] && ok "fetch: Ctrl-C keeps the part" || { no "fetch: Ctrl-C" "status $status"; cat out; }

# ---- disk full
if [ "$(id -u)" = 0 ] && mkdir full && mount -t tmpfs -o size=40k tmpfs full 2>/dev/null; then
    check "fetch: a full disk" 5 'disk is full' -- "$VAE_LAB" data fetch mnist --data-dir full --from $at/ok
    umount full
else
    skip "fetch: a full disk" "no rights to mount one"
fi

# ---- the files arrive (with the real files: the checks let nothing else through)
[ -n "$real" ] || { skip "fetch: files that arrive" "no MNIST in VAE_LAB_TEST_DATA"; exit 0; }
: >served.log
check "fetch: goes on after Ctrl-C" 0 'c/mnist/train-images-idx3-ubyte.gz +fetched' 't10k-labels-idx1-ubyte.gz +fetched' 'complete and verified' -- "$VAE_LAB" data fetch mnist --data-dir c --from $at/ok
[ "$(requests ok bytes=)" = 1 ] && [ "$(requests ok -)" = 3 ] && [ "$(grep -c /mnist/ served.log)" = 1 ] && ok "fetch: only the rest was asked for, and the address that had a file is asked first" || no "fetch: ranges" "$(grep ok served.log)"
for f in $files; do cmp served/$f.gz c/mnist/$f.gz || no "fetch: bytes" "$f differs"; done
[ "$(left c)" = 0 ] || no "fetch: parts" "$(ls c/mnist)"
check "fetch: verified" 0 'ok, published MD5' -- "$VAE_LAB" data verify mnist --data-dir c
: >served.log
check "fetch: what is here is not fetched" 0 'here already' 'nothing was fetched' -- "$VAE_LAB" data fetch mnist --data-dir c --from $at/ok
[ ! -s served.log ] && ok "fetch: no request" || no "fetch: requests" "$(cat served.log)"
check "fetch: a connection that is cut, and the next address goes on" 5 'connection was cut after' -- "$VAE_LAB" data fetch mnist --data-dir d --from $at/cut
check "fetch: the same command goes on with the rest" 5 'train-images-idx3-ubyte.gz +fetched' 'connection was cut' -- "$VAE_LAB" data fetch mnist --data-dir d --from $at/cut
cp -r d e
check "fetch: a server without ranges starts again" 0 'complete and verified' -- "$VAE_LAB" data fetch mnist --data-dir d --from $at/norange
# damaged: a part that is not the beginning of the file, and a file that is not the published one
head -c 20000 /dev/urandom >e/mnist/train-labels-idx1-ubyte.gz.part
echo broken >e/mnist/train-images-idx3-ubyte.gz
check "fetch: a wrong part and a wrong file are fetched again" 0 'train-images-idx3-ubyte.gz is fetched again' 'complete and verified' -- "$VAE_LAB" data fetch mnist --data-dir e --from $at/ok
rm e/mnist/t10k-labels-idx1-ubyte.gz
check "fetch: VAE_LAB_DATA_URL, a redirect, VAE_LAB_DATA" 0 't10k-labels-idx1-ubyte.gz +fetched' -- env VAE_LAB_DATA=e VAE_LAB_DATA_URL=$at/redirect "$VAE_LAB" data fetch mnist
check "import: a folder that cannot be made" 5 "the folder of the data cannot be made" -- "$VAE_LAB" data import c mnist --data-dir file/x
mkdir -p f && gzip -dc served/t10k-labels-idx1-ubyte.gz | tr '\7' '\10' >f/t10k-labels-idx1-ubyte
check "fetch: a wrong file that would be used first" 5 'checksum differs' 'move this file away' -- "$VAE_LAB" data fetch mnist --data-dir f --from $at/ok
mkdir -p t/MNIST/raw
for f in $files; do gzip -dc served/$f.gz >t/MNIST/raw/$f; done
check "import: from torchvision's folder" 0 'h/mnist/train-images-idx3-ubyte +copied' 'h/mnist/t10k-labels-idx1-ubyte +copied' -- "$VAE_LAB" data import t --data-dir h
check "import: what is here is not copied" 0 'h/mnist/train-images-idx3-ubyte +here already' -- "$VAE_LAB" data import t mnist --data-dir h
check "import: verified" 0 'ok, published MD5' -- "$VAE_LAB" data verify mnist --data-dir h
tr '\7' '\10' <t/MNIST/raw/t10k-labels-idx1-ubyte >x && mv x t/MNIST/raw/t10k-labels-idx1-ubyte
check "import: a wrong file" 5 'checksum differs' -- "$VAE_LAB" data import t --data-dir i
[ ! -e i/mnist/t10k-labels-idx1-ubyte ] && ok "import: a wrong file is not copied" || no "import" "$(ls i/mnist)"
mkdir -p g/mnist && "$VAE_LAB" data fetch mnist --data-dir g --from $at/slow --stall 5 >out 2>&1 &
slow=$!
until_true [ -s g/mnist/train-images-idx3-ubyte.gz.part ]
check "fetch: two processes" 5 'another process is fetching this file' -- "$VAE_LAB" data fetch mnist --data-dir g --from $at/ok
kill -TERM $slow
wait $slow
[ $? = 143 ] && ok "fetch: SIGTERM" || no "fetch: SIGTERM" "$(cat out)"
