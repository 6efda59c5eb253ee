#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every measurement of bench/ works, in its smallest size: programs that are only run by hand break unseen.  Their numbers are not
# looked at.  Peers that are not installed are left out.
#
# Compares numbers only: the sanitizer builds leave it out.
. "$(dirname "$0")/common.sh.inc"
data=$root/../shared/data
[ -d "$data/mnist" ] || { skip "bench" "there is no MNIST"; exit 0; }
[ -f "$root/build/release/libvaelab.a" ] || { skip "bench" "there is no build/release"; exit 0; }
check "bench: every measurement works" 0 'smoke: 7 measurements work' 'peak of one thread, Gflop/s: .' '10 runs: [0-9.]+ bytes a row' -- \
    env VAE_LAB_DATA="$data" "$root/bench/run" --smoke
