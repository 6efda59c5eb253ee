#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docs/by_hand.py computes the examples of docs/arithmetic.md in integers and fractions: its output must equal the text there.
# tests/test_num_by_hand.c compares the same text with the engine.
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
    no "arithmetic: by hand" "docs/by_hand.py and docs/arithmetic.md differ (< arithmetic.md, > by_hand.py)"
    sed 's/^/    /' difference
fi
