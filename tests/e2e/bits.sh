#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The same bits: small models trained by the real program have the digests of tests/golden/digests.txt, on 1, 2, 3 and 8
# threads and on every instruction set of this processor, without an interruption or interrupted twice and resumed on
# another instruction set.  `make check-bits` does every combination, and every compiler, optimisation, C library variant and 64-bit Arm.
# A slow build (a sanitizer's) checks fewer combinations.
. "$(dirname "$0")/common.sh.inc"
golden=$root/tests/golden
grep -v '^#' "$golden/digests.txt" | grep -E '^(images|points|long)/' | LC_ALL=C sort >want
grep '^long/[a-z]*/only/' want >want.long
grep '^long/[a-z]*/only-mt19937/' want >want.mt19937

# agrees NAME FILE WANT: compares digests and prints the names of those that differ
agrees() {
    if LC_ALL=C sort "$2" | cmp -s - "$3"; then
        ok "bits: $1"
    else
        no "bits: $1" "$(cat err) $(LC_ALL=C sort "$2" | comm -23 - "$3" | cut -d' ' -f1 | tr '\n' ' ')"
    fi
}
cell() { # ISA THREADS
    VAE_LAB_ISA=$1 VAE_LAB_OPTIONS="--threads $2" "$golden/train" "$scratch/$1-$2.db" >got 2>err || echo failed >>got
    agrees "$1, $2 threads" got want
}

isas=$("$VAE_LAB" doctor 2>/dev/null | sed -n 's/.*this processor has //p')
best=${isas%% *}
start=$(date +%s)
cell "$best" 1
slow=$(($(date +%s) - start > 4))
for isa in $isas; do
    case $slow,$isa in
        0,"$best") counts='1 2 3 8' ;;
        0,generic) counts=3 ;; # its matrix product is many times slower
        0,*) counts='2 8' ;;
        *,generic | *,neon) counts=3 ;;
        *) continue ;;
    esac
    for threads in $counts; do
        [ "$isa,$threads" = "$best,1" ] || cell "$isa" "$threads"
    done
done

second=$(echo $isas $isas | cut -d' ' -f2) third=$(echo $isas $isas $isas | cut -d' ' -f3)
"$golden/interrupted" "$scratch/moved.db" "VAE_LAB_ISA=$best VAE_LAB_THREADS=3" "VAE_LAB_ISA=$third VAE_LAB_THREADS=1" \
    "VAE_LAB_ISA=$second VAE_LAB_THREADS=8" >got 2>err || echo failed >>got
agrees "ended on $best, killed on $third, finished on $second" got want.long
GSL_RNG_TYPE=mt19937 "$golden/interrupted" "$scratch/mt19937.db" "VAE_LAB_ISA=$best VAE_LAB_THREADS=3" \
    "VAE_LAB_ISA=$second VAE_LAB_THREADS=1" "VAE_LAB_ISA=$best VAE_LAB_THREADS=8" >got 2>err || echo failed >>got
agrees "the same with mt19937" got want.mt19937

# the comparison itself: a changed digit is found, and its name printed
sed '1s/.$/x/' want >changed
agrees "one changed digit" want changed >found
grep -q "^not ok .*$(head -1 want | cut -d' ' -f1)" found && ok "bits: a changed digest is found" || no "bits: a changed digest" "$(cat found)"
