#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Evaluations that fail: recorded, shown by every command, and tried again.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .

# at this rate seed 2 diverges; seeds 3 and 4 train, but their posteriors have standard deviations of 0
wild='--set rate=5 --set beta=1 --set seed=2,3,4'
check "a failed evaluation: the run ends with it" 1 'seed 3  done .*: evaluation latent_space failed: a posterior is not a Gaussian' \
    '2 runs executed, 1 diverged, 2 with a failed evaluation' 'problem IS NOT NULL' -- "$VAE_LAB" run tiny.lua $wild
[ "$(sql "select group_concat(run || ' ' || name || ' ' || status) from (select * from evaluation order by run, name)")" = \
    '2 latent_space failed,2 nll done,3 latent_space failed,3 nll done' ] && ok "a failed evaluation is recorded, and the others are made" ||
    no "evaluations" "$(sql 'select * from evaluation')"
check "a failed evaluation: the hint lists the runs" 0 '^ *1 .*diverged.*not finite' \
    '^ *2 .*done.*evaluation latent_space failed: a posterior is not a Gaussian$' -- "$VAE_LAB" runs --where "problem IS NOT NULL"
check "a failed evaluation: show prints the message" 0 '^evaluation latent_space failed' 'standard deviation 0' -- "$VAE_LAB" show 2
"$VAE_LAB" show 2 --json >json
[ "$(sqlite3 :memory: "select json_extract(cast(readfile('json') as text), '$.failed_evaluations.latent_space') like 'a posterior%'")" = 1 ] &&
    ok "a failed evaluation: show --json" || no "show --json" "$(cat json)"
check "a failed evaluation: compare" 0 '2 of 2 runs have a failed evaluation' 'A  test/nll .* 20$' -- "$VAE_LAB" compare
check "a failed evaluation: compare --csv" 0 ',failed_evaluations,verdict,scale$' ',2,,linear$' -- "$VAE_LAB" compare --csv
check "a failed evaluation: summary" 0 '^2,2$' -- "$VAE_LAB" sql --csv "select seeds, failed_evaluations from summary where metric = 'test/elbo'"
if command -v script >/dev/null; then
    TERM=xterm NO_COLOR=1 script -qec "stty cols 40 rows 10; '$VAE_LAB' runs" /dev/null </dev/null | tr -d '\r' >lines
    grep -q '^runs with a problem: 1, 2, 3 ' lines && ok "a narrow page names the runs with a problem" || no "narrow page" "$(cat lines)"
else
    skip "a narrow page names the runs with a problem" "no script(1)"
fi
check "a failed evaluation is tried again" 1 '2 done before, .*2 with a failed evaluation' -- "$VAE_LAB" run tiny.lua $wild
check "a failed evaluation: --quiet still prints it" 1 'latent_space failed' -- "$VAE_LAB" run tiny.lua $wild --quiet
sed 's/lab.eval.latent_space { examples = 300 }, //' tiny.lua >less.lua
check "without that evaluation all is done" 1 '2 done before' 'not all runs are done' -- "$VAE_LAB" run less.lua $wild
sed 's/^  figures .*/  claims = { lab.claim { "spread", metric = "latent\/active_units", at_least = 0 }, lab.claim { "kl", metric = "test\/kl", at_least = 0 } },/' tiny.lua >claims.lua
check "a failed evaluation: a claim is open, or says so" 1 '^open ' 'run 2 has no latent/active_units: evaluation latent_space failed' \
    'run 2: evaluation latent_space failed' -- "$VAE_LAB" run claims.lua $wild
