#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docs/arithmetic.md's numbers, worked out by hand: docs/by_hand.py, in whole numbers and fractions, prints what stands there.
# (tests/test_num_by_hand.c holds the same text against the engine.)
. "$(dirname "$0")/common.sh.inc"
if ! command -v python3 >/dev/null 2>&1; then
    skip "arithmetic: by hand" "python3 is not installed"
    exit 0
fi
sed -n '/^<!-- by hand: /,/^<!-- end of by hand -->/p' "$root/docs/arithmetic.md" | sed '/^<!--/d; /^```/d' >expected
if ! python3 "$root/docs/by_hand.py" >got 2>&1; then
    no "arithmetic: by hand" "docs/by_hand.py failed: $(tail -n 1 got)"
elif [ -s expected ] && diff expected got >difference; then
    ok "arithmetic: by hand"
else
    no "arithmetic: by hand" "docs/by_hand.py prints what docs/arithmetic.md does not say"
    sed 's/^/    /' difference
fi
