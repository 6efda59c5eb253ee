#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Claims: verdicts on numbers whose intervals are known, then on real runs; what is printed, recorded and refused.
. "$(dirname "$0")/common.sh.inc"

# ---- verdicts alone.  For 1, 2, 3 the mean is 2 and the 95 % interval 2 ± 2.484 (t = 4.303, sd 1, n = 3).
cat >verdicts.lua <<'LUA'
local lab = require "vae_lab"
local claims = require "vae_lab.claims"
local numbers = { 1, 2, 3, 11, 14, 17, 21, 25, 29 }
local runs = {}
for i = 1, 9 do runs[i] = { id = i, seed = (i - 1) % 3 + 1, label = "b=" .. (i - 1) // 3, params = { b = (i - 1) // 3, data = "digits" } } end
local function values(run) return { m = numbers[run.id], twice = 2 * numbers[run.id] } end

local function expect(verdict, value, low, note, options)
  options[1] = "it is so"
  local row = claims.evaluate({ lab.claim(options) }, runs, values)[1]
  local message = string.format("%s %s %s (%s) [%s]", row.verdict, row.value, row.ci_low, row.note, row.quantity)
  assert(row.verdict == verdict, message)
  assert((value == nil and row.value == nil) or math.abs(row.value - value) < 1e-9, message)
  assert(low == nil or math.abs(row.ci_low - low) < 1e-3, message)
  assert((row.note or ""):find(note, 1, true), message)
end
expect("PASS", 2, -0.484, "extends beyond", { metric = "m", where = { b = 0 }, at_least = 1.9 })
expect("PASS", 2, -0.484, "", { metric = "m", where = { b = 0 }, near = 2, within = 3 })
expect("FAIL", 2, -0.484, "", { metric = "m", where = { b = 0 }, at_least = 2.1 })
expect("FAIL", 2, -0.484, "", { metric = "m", where = { b = 0 }, at_most = 1.9 })
expect("FAIL", 2, -0.484, "the mean is in the band", { metric = "m", where = { b = 0 }, at_least = 1.9, criterion = "interval" })
-- differences 10, 12, 14: 12 ± 4.968; ratios 11, 7, 17/3
expect("PASS", 12, 7.032, "", { metric = "m", where = { b = 1 }, minus = { b = 0 }, at_least = 7 })
expect("FAIL", 12, 7.032, "the mean is in the band", { metric = "m", where = { b = 1 }, minus = { b = 0 }, at_least = 7.1 })
expect("PASS", 12, 7.032, "", { metric = "m", where = { b = 1 }, minus = { b = 0 }, at_least = 11, criterion = "mean" })
expect("PASS", (11 + 7 + 17 / 3) / 3, nil, "", { metric = "m", where = { b = 1 }, divided_by = { b = 0 }, at_least = 0.5 })
-- steps 10, 12, 14, then 10, 11, 12: the least of each seed 11 ± 2.484, the greatest 12 ± 4.968
expect("PASS", 11, 8.516, "", { metric = "m", increases_with = "b" })
expect("FAIL", 12, 7.032, "", { metric = "m", decreases_with = "b" })
expect("PASS", 4, nil, "", { value = function(r) return r.twice end, quantity = "twice m", where = { b = 0 }, near = 4, within = 0.1 })
expect("OPEN", nil, nil, "run 1 has no other", { metric = "other", where = { b = 0 }, at_least = 0 })
expect("OPEN", nil, nil, "run 1 has no other", { value = function(r) return 2 * r.other end, quantity = "q", where = { b = 0 }, at_least = 0 })
expect("OPEN", nil, nil, "no finished run with b=7", { metric = "m", where = { b = 7 }, at_least = 0 })
expect("OPEN", nil, nil, "several configurations", { metric = "m", at_least = 0 })
assert(#claims.evaluate({ lab.claim { "of MNIST", metric = "m", at_least = 0, data = "mnist" } }, runs, values) == 0)
runs = { runs[1], runs[4], runs[5] }
expect("PASS", 1, nil, "one seed", { metric = "m", where = { b = 0 }, at_least = 1 })
expect("PASS", 10, nil, "one seed", { metric = "m", where = { b = 1 }, minus = { b = 0 }, at_least = 10 })
expect("FAIL", 12.5, nil, "two seeds", { metric = "m", where = { b = 1 }, at_most = 12 })
return lab.experiment {
  name = "verdicts", data = { "digits", train = 100, test = 100 },
  model = function(_, x)
    local q = lab.mlp { x, 4 }:normal(2)
    local z = q:sample()
    local p = lab.mlp { z, 4 }:bernoulli(x)
    return { bound = p:log_prob(x) - q:kl(), q = q, p = p, z = z }
  end,
}
LUA
check "claims: verdicts as computed by hand" 0 'verdicts' -- "$VAE_LAB" run verdicts.lua --dry-run

# ---- real runs
sed 's/^  figures  = .*/  claims = {\
    lab.claim { "the KL is larger when nothing holds it", metric = "test\/kl", where = { beta = 0 }, minus = { beta = 1 }, at_least = 0, criterion = "mean" },\
    lab.claim { "the ELBO is above zero, which it cannot be", metric = "test\/elbo", where = { beta = 1 }, at_least = 0, source = "no paper, table 0" },\
    lab.claim { "what was never measured", metric = "test\/nothing", where = { beta = 1 }, at_least = 0 },\
  },/' "$root/tests/e2e/tiny.lua" >claiming.lua
check "run: prints the verdicts, exit status 0" 0 '^PASS  tiny: the KL is larger' '^FAIL  tiny: the ELBO' 'no paper, table 0' '^OPEN  tiny: what was never' \
    'has no test/nothing' -- "$VAE_LAB" run claiming.lua
check "claims: prints them again; exit status 1" 1 '^PASS' '^FAIL' '1 hold, 1 do not, 1 open' 'not all claims hold' -- "$VAE_LAB" claims
check "claims --experiment: of one" 0 'no claims are recorded' -- "$VAE_LAB" claims --experiment other
check "claims --csv" 0 '^experiment,position,claim' '^tiny,2,' -- "$VAE_LAB" claims --csv
check "claims --json" 0 '"verdict": "FAIL"' -- "$VAE_LAB" claims --json
[ "$(sql "select group_concat(verdict) from claims")" = PASS,FAIL,OPEN ] && ok "claims: recorded" || no "claims: recorded" "$(sql 'select * from claims')"
value=$(sql "select round(c.value - (select avg(a.kl - b.kl) from runs a join runs b on b.seed = a.seed and b.beta = 1 where a.beta = 0), 9) from claims c where position = 1")
[ "$value" = 0.0 ] && ok "claims: the number is the runs' own" || no "claims: the number" "differs by $value"
sed 's/at_least = 0, source/at_most = 0, source/' claiming.lua >changed.lua
check "claims: an edited claim is evaluated again, without a run" 0 '0 runs executed' '^PASS  tiny: the ELBO' -- "$VAE_LAB" run changed.lua
[ "$(sql "select group_concat(verdict) from claims")" = PASS,PASS,OPEN ] && ok "claims: the view has the latest" || no "claims: the latest" "$(sql 'select * from claims')"

# ---- compare shows what a claim expects of a configuration next to the measured number
check "compare: expected and measured, with the source" 0 '^B  test/elbo  -[0-9.]+ ± [0-9.]+ is inside at most 0$' '^   no paper, table 0$' -- "$VAE_LAB" compare
grep -q '^A  test/elbo .* is ' out && no "compare: expected" "a claim is taken for another configuration's" || ok "compare: of this configuration only"
grep -q 'test/kl .* is ' out && no "compare: expected" "a claim that compares is taken for one of a value" || ok "compare: claims that compare are left out"
check "compare --csv: the band, and whether the mean is in it" 0 ',expected_low,expected_high,inside,source,warning,failed_evaluations$' ',test/elbo,.*,0,1,"no paper, table 0",' -- "$VAE_LAB" compare --csv
if command -v script >/dev/null; then
    TERM=xterm NO_COLOR=1 script -qec "stty cols 80 rows 24; '$VAE_LAB' compare" /dev/null >screen </dev/null 2>&1
    tr -d '\r' <screen >lines
    grep -q 'is inside at most 0' lines && grep -q '^   no paper, table 0' lines && grep -q 'fewer than 3 seeds: A (2), B (2)' lines && ! grep -v '^too wide\|^warning' lines | grep -qE '.{81}' &&
        ok "compare: 80 columns carry it" || { no "compare: 80 columns" "see below"; cat lines; }
else
    skip "compare: 80 columns" "no script(1)"
fi

# ---- mistakes
mistake() {
    name=$1 from=$2
    shift 2
    sed "$from" claiming.lua >bad.lua
    check "mistake in a claim: $name" 3 'bad.lua:' "$@" -- "$VAE_LAB" run bad.lua
}
mistake "a misspelt key" 's/at_least = 0, criterion/at_leats = 0, criterion/' 'mean "at_least"'
mistake "no band" 's/at_least = 0, source/source/' 'needs a band'
mistake "no number" 's/metric = "test.nothing", //' 'needs a number'
mistake "two ways to compare" 's/minus = { beta = 1 }/minus = { beta = 1 }, divided_by = { beta = 1 }/' 'options that exclude each other' 'found +minus, divided_by'
mistake "near without within" 's/at_least = 0, source/near = 3, source/' 'near needs within'
mistake "an empty band" 's/at_least = 0, source/at_least = 3, at_most = 1, source/' 'band of a claim is empty'
mistake "a number as a claim" 's/lab.claim { "what.*/7,/' 'bad entry 3 of claims' 'lab.claim'
