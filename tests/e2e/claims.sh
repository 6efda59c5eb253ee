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
local errors
local scales = { share = "logit", size = "log" }
local function values(run)
  local m = numbers[run.id]
  return { m = m, twice = 2 * m, size = math.exp(m), share = m / 100, share_n = 100, m_se = errors }
end
local options = { values = values, scale = function (name) return scales[name] end, level = 0.95 }

local function expect(verdict, value, low, note, claim)
  claim[1] = "it is so"
  local row = claims.evaluate({ lab.claim(claim) }, runs, options)[1]
  local message = string.format("%s %s %s (%s) [%s]", row.verdict, row.value, row.ci_low, row.note, row.quantity)
  assert(row.verdict == verdict, message)
  assert((value == nil and row.value == nil) or math.abs(row.value - value) < 1e-9, message)
  assert(low == nil or math.abs(row.ci_low - low) < 1e-3, message)
  assert((row.note or ""):find(note, 1, true), message)
  return row
end
local one = { b = 0 }
expect("undecided", 2, -0.484, "", { metric = "m", where = one, at_least = 1.9 })
expect("holds", 2, -0.484, "", { metric = "m", where = one, near = 2, within = 3 })
expect("undecided", 2, -0.484, "", { metric = "m", where = one, at_least = 2.1 })
expect("refuted", 2, -0.484, "", { metric = "m", where = one, at_least = 4.5 })
expect("refuted", 2, -0.484, "", { metric = "m", where = one, at_most = -0.5 })
local row = expect("undecided", 2, -0.484, "", { metric = "m", where = one, at_least = 1, post_hoc = "was 1.5" })
-- se 0.577, edge 1 away: t of 7 degrees of freedom for 0.975 and 0.8 is 2.365 + 0.896; 3.26 / sqrt(8) > 1 > 3.2 / sqrt(11)
assert(row.seeds_needed >= 9 and row.seeds_needed <= 12 and row.post_hoc == "was 1.5" and row.p > 0.05, row.seeds_needed)
row = expect("holds", 2, -0.484, "", { metric = "m", where = one, at_least = 1.9, judged_by_mean = "one number is known" })
assert(row.reason == "one number is known" and row.p == nil)
expect("refuted", 2, -0.484, "", { metric = "m", where = one, at_least = 2.1, judged_by_mean = "one number is known" })
-- differences 10, 12, 14: 12 ± 4.968
expect("holds", 12, 7.032, "", { metric = "m", where = { b = 1 }, minus = one, at_least = 7 })
expect("undecided", 12, 7.032, "", { metric = "m", where = { b = 1 }, minus = one, at_least = 7.1 })
-- ratios 11, 7, 17/3 on the log scale: their geometric mean
row = expect("holds", (11 * 7 * 17 / 3) ^ (1 / 3), nil, "", { metric = "m", where = { b = 1 }, divided_by = one, at_least = 3 })
assert(row.scale == "log" and row.ci_low > 0)
-- the metric's own scale, another one, and shares of counted trials
row = expect("holds", math.exp(2), math.exp(-0.484), "", { metric = "size", where = one, at_least = 0.6 })
assert(row.scale == "log" and row.ci_low > 0)
expect("undecided", (math.exp(1) + math.exp(2) + math.exp(3)) / 3, nil, "", { metric = "size", where = one, at_least = 0.6, scale = "linear" })
local share = claims.evaluate({ lab.claim { "a share", metric = "share", where = one, at_most = 0.2 } }, runs, options)[1]
assert(share.verdict == "holds" and share.scale == "logit" and share.ci_low > 0 and share.ci_high < 0.2, share.ci_high)
-- the error of the test set: beside the interval over seeds, or deciding
errors = 2
row = expect("holds", 2, -0.484, "", { metric = "m", where = one, at_least = -1 })
assert(math.abs(row.population_low - (2 - 1.967 * math.sqrt(1 / 3 + 4))) < 1e-3 and row.ci_low > row.population_low)
expect("undecided", 2, -0.484, "", { metric = "m", where = one, at_least = -1, population = true })
errors = nil
expect("open", nil, nil, "run 1 has no m_se", { metric = "m", where = one, at_least = -1, population = true })
-- another program's numbers: 3 ± and 2 ±, the difference is -1
expect("holds", -1, nil, "", { metric = "m", where = one, compared_with = { 2, 3, 4 }, within = 4 })
expect("undecided", -1, nil, "", { metric = "m", where = one, compared_with = { 2, 3, 4 }, within = 1 })
expect("refuted", -10, nil, "", { metric = "m", where = one, compared_with = { 11, 12, 13 }, within = 7 })
-- steps 10, 12, 14, then 10, 11, 12: the least of each seed 11 ± 2.484, the greatest 12 ± 4.968
expect("holds", 11, 8.516, "", { metric = "m", increases_with = "b" })
expect("refuted", 12, 7.032, "", { metric = "m", decreases_with = "b" })
expect("undecided", 4, nil, "", { value = function(r) return r.twice end, quantity = "twice m", where = one, near = 4, within = 0.1 })
-- an event: the share of seeds that show it, 2 of 3: 0.094 to 0.992
row = expect("undecided", 2 / 3, 0.0943, "", { value = function(r) return r.m > 1 end, quantity = "m above 1", where = one, at_least = 0.5 })
assert(row.scale == "logit" and row.ci_high < 1)
expect("open", nil, nil, "run 1 has no other", { metric = "other", where = one, at_least = 0 })
expect("open", nil, nil, "run 1 has no other", { value = function(r) return 2 * r.other end, quantity = "q", where = one, at_least = 0 })
expect("open", nil, nil, "no finished run with b=7", { metric = "m", where = { b = 7 }, at_least = 0 })
expect("open", nil, nil, "several configurations", { metric = "m", at_least = 0 })
assert(#claims.evaluate({ lab.claim { "of MNIST", metric = "m", at_least = 0, data = "mnist" } }, runs, options) == 0)
numbers[2], numbers[3] = 1, 1
expect("holds", 1, 1, "the same in all seeds", { metric = "m", where = one, at_least = 1 })
expect("undecided", 0, 0, "no difference in any seed", { metric = "m", where = one, minus = one, at_least = 0 })
local all = runs
runs = { all[1], all[5] }
expect("open", nil, nil, "no seed has runs at two neighbouring values", { metric = "m", increases_with = "b" })
runs = { all[1], all[4], all[5] }
expect("undecided", 1, nil, "one seed", { metric = "m", where = one, at_least = 1 })
expect("undecided", 10, nil, "one seed", { metric = "m", where = { b = 1 }, minus = one, at_least = 10 })
expect("undecided", 12.5, nil, "two seeds", { metric = "m", where = { b = 1 }, at_most = 12 })
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
    lab.claim { "the KL is larger when nothing holds it", metric = "test\/kl", where = { beta = 0 }, minus = { beta = 1 }, at_least = -1000 },\
    lab.claim { "the ELBO is above zero, which it cannot be", metric = "test\/elbo", where = { beta = 1 }, at_least = 0, source = "no paper, table 0" },\
    lab.claim { "what was never measured", metric = "test\/nothing", where = { beta = 1 }, at_least = 0 },\
  },/' "$root/tests/e2e/tiny.lua" >claiming.lua
check "run: prints the verdicts, exit status 0" 0 '^holds      tiny: the KL is larger' '^refuted    tiny: the ELBO' 'no paper, table 0' \
    '^open       tiny: what was never' 'has no test/nothing' '1 hold, 1 refuted, 0 undecided, 1 open' 'at most 0.05 false ones' \
    "Holm's correction for all tests together" -- "$VAE_LAB" run claiming.lua
check "claims: prints them again; exit status 1" 1 '^holds' '^refuted' '1 hold, 1 refuted, 0 undecided, 1 open' 'not all claims hold' -- "$VAE_LAB" claims
check "claims --experiment: of one" 0 'no claims are recorded' -- "$VAE_LAB" claims --experiment other
check "claims --csv" 0 '^experiment,position,claim' '^tiny,2,' -- "$VAE_LAB" claims --csv
check "claims --json" 0 '"verdict": "refuted"' '"level": 0.95' -- "$VAE_LAB" claims --json
[ "$(sql "select group_concat(verdict) from claims")" = holds,refuted,open ] && ok "claims: recorded" || no "claims: recorded" "$(sql 'select * from claims')"
value=$(sql "select round(c.value - (select avg(a.kl - b.kl) from runs a join runs b on b.seed = a.seed and b.beta = 1 where a.beta = 0), 9) from claims c where position = 1")
[ "$value" = 0.0 ] && ok "claims: the number is the runs' own" || no "claims: the number" "differs by $value"
sed 's/at_least = 0, source/at_most = 0, source/' claiming.lua >changed.lua
check "claims: an edited claim is evaluated again, without a run" 0 '0 runs executed' '^holds      tiny: the ELBO' -- "$VAE_LAB" run changed.lua
[ "$(sql "select group_concat(verdict) from claims")" = holds,holds,open ] && ok "claims: the view has the latest" || no "claims: the latest" "$(sql 'select * from claims')"

# ---- compare shows what a claim expects of a configuration next to the measured number
check "compare: expected and measured, with the source" 0 '^B  test/elbo  -[0-9.]+ ± [0-9.]+, expected at most 0: holds$' '^   no paper, table 0$' -- "$VAE_LAB" compare
grep -q '^A  test/elbo .* expected ' out && no "compare: expected" "a claim is taken for another configuration's" || ok "compare: of this configuration only"
grep -q 'test/kl .* expected ' out && no "compare: expected" "a claim that compares is taken for one of a value" || ok "compare: claims that compare are left out"
check "compare --csv: the band, and whether the mean is in it" 0 ',expected_low,expected_high,inside,source,warning,failed_evaluations,verdict,scale$' ',test/elbo,.*,0,1,"no paper, table 0",' -- "$VAE_LAB" compare --csv
if command -v script >/dev/null; then
    TERM=xterm NO_COLOR=1 script -qec "stty cols 80 rows 24; '$VAE_LAB' compare" /dev/null >screen </dev/null 2>&1
    tr -d '\r' <screen >lines
    grep -q 'expected at most 0: holds' lines && grep -q '^   no paper, table 0' lines && grep -q 'fewer than 3 seeds: A (2), B (2)' lines && ! grep -v '^too wide\|^warning' lines | grep -qE '.{81}' &&
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
mistake "a misspelt key" 's/at_least = -1000/at_leats = -1000/' 'mean "at_least"'
mistake "no band" 's/at_least = 0, source/source/' 'needs a band'
mistake "no number" 's/metric = "test.nothing", //' 'needs a number'
mistake "two ways to compare" 's/minus = { beta = 1 }/minus = { beta = 1 }, divided_by = { beta = 1 }/' 'options that exclude each other' 'found +minus, divided_by'
mistake "near without within" 's/at_least = 0, source/near = 3, source/' 'near needs within'
mistake "an empty band" 's/at_least = 0, source/at_least = 3, at_most = 1, source/' 'band of a claim is empty'
mistake "a number alone to compare with" 's/at_least = 0, source/compared_with = { 1 }, within = 1, source/' 'compared_with needs at least two numbers'
mistake "a scale that is none" 's/at_least = 0, source/at_least = 0, scale = "cubic", source/' 'linear.*log.*logit'
mistake "a number as a claim" 's/lab.claim { "what.*/7,/' 'bad entry 3 of claims' 'lab.claim'

# ---- --seeds: so many, or until the claims are decided
rm -f results.db*
check "run --seeds 3: seeds 1 to 3" 0 '6 runs executed' '3 seeds' -- "$VAE_LAB" run claiming.lua --seeds 3
check "run --seeds auto: done when all are decided" 0 '0 runs executed, 6 done before' 'level 0.9833' -- "$VAE_LAB" run claiming.lua --seeds auto:12
grep -q 'now 6 seeds' out && no "run --seeds auto" "goes on although all claims are decided" || ok "run --seeds auto: stops when all are decided"
# the ELBO of three seeds lies so far apart that they do not decide on a band whose edge is their mean
mean=$(sql "select mean - 0.5 from summary where label = 'beta=1' and metric = 'test/elbo'")
sed "s/at_least = 0, source/at_least = $mean, source/" claiming.lua >edge.lua
check "run --seeds auto: adds seeds up to the budget while a claim is undecided" 0 '^undecided .*the ELBO' '6 runs executed, 6 done before' 'now 6 seeds' \
    'about [0-9]+ seeds would decide|more seeds alone' -- "$VAE_LAB" run edge.lua --seeds auto:6
check "run --seeds and --set seed exclude each other" 2 'exclude each other' -- "$VAE_LAB" run edge.lua --seeds 3 --set seed=1
check "run --seeds auto and --shard exclude each other" 2 'exclude each other' -- "$VAE_LAB" run edge.lua --seeds auto --shard 1/2
for bad in 0 -1 many auto: auto:2 auto:x 99999; do
    check "run --seeds $bad: refused" 2 'bad value of --seeds' 'found +'"$bad" -- "$VAE_LAB" run edge.lua --seeds=$bad
done

# ---- each profile keeps its verdicts
rm -f results.db*
sed 's/^  claims = {/  profile = { quick = {}, full = { train = { epochs = 1, batch = 64, optimiser = lab.adam { rate = 1e-3 } } } },\n  claims = {/' claiming.lua >profiles.lua
"$VAE_LAB" run profiles.lua --quiet --jobs 1 >/dev/null 2>&1 && "$VAE_LAB" run profiles.lua --quiet --jobs 1 --set profile=full >/dev/null 2>&1
[ "$(sql 'select count(*), count(distinct sweep) from claims')" = "6|2" ] && ok "claims: the latest of each profile" ||
    no "claims: of each profile" "$(sql 'select sweep, claim, verdict from claims')"
