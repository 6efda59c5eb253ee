#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two experiments in one database share a configuration under different labels and names of settings: it is trained once, and belongs to
# both.
. "$(dirname "$0")/common.sh.inc"

# first: beta = 0, 1 at two dimensions.  second: width = 2 at weight 1, the same model as beta = 1 of the first.
cat >first.lua <<'LUA'
local lab = require "vae_lab"
return lab.experiment {
  name = "first", question = "What does the weight do?", data = { "digits", train = 400, test = 200 },
  sweep = { beta = { 0, 1 }, seed = { 1, 2, 3 } }, settings = { latent = 2 },
  model = function (run, x)
    local q  = lab.mlp { x, 16, act = "tanh" }:normal(run.latent)
    local z  = q:sample()
    local px = lab.mlp { z, 16, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 2, batch = 50, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.nll { samples = 20, examples = 100 } },
  figures  = { lab.fig.curves(), lab.fig.bars { metrics = { "test/nll" } } },
  claims   = { lab.claim { "the bound is one", metric = "test/elbo", where = { beta = 1 }, at_least = -1000, at_most = 0 } },
}
LUA
sed -e 's/"first"/"second"/; s/What does the weight do/What does the width do/; s/run\.beta/run.weight/; s/run\.latent/run.width/' \
    -e 's/beta = { 0, 1 }/width = { 2 }/; s/settings = { latent = 2 }/settings = { weight = 1 }/; s/where = { beta = 1 }/where = { width = 2, weight = 1 }/' first.lua >second.lua

check "the first trains all its runs" 0 '6 runs executed' '^holds      first' -- "$VAE_LAB" run first.lua
check "the second trains nothing; its claims are judged" 0 '0 runs executed, 3 done before' 'width=2 +1  done' '^holds      second' 'width=2.*3 seeds' -- "$VAE_LAB" run second.lua
[ "$(sql 'select count(*) from run')" = 6 ] && ok "a shared run is recorded once" || no "a shared run" "$(sql 'select id, label from run')"
check "runs: in the first" 0 ' beta=1 ' -- "$VAE_LAB" runs --experiment first
check "runs: in the second, under its own label" 0 '^ *4 +second +width=2 +1 +done' -- "$VAE_LAB" runs --experiment second
same=$(sql "select group_concat(latent = 2 and beta is null) from runs where experiment = 'second'")
[ "$same" = 1,1,1 ] && ok "runs: settings by the experiment's own names" || no "runs: settings" "$(sql "select * from runs where experiment = 'second'")"
same=$(sql "select count(*) from summary a join summary b on b.metric = a.metric and b.configuration = a.configuration and a.mean = b.mean and a.seeds = b.seeds
    where a.experiment = 'first' and a.label = 'beta=1' and b.experiment = 'second' and b.label = 'width=2' and a.seeds = 3")
[ "$same" -gt 5 ] && ok "summary: the same numbers in both" || no "summary" "$same metrics in common"
[ "$(sql "select count(*) = count(distinct step) from curves where experiment = 'second' and run = 4 and metric = 'train/elbo'")" = 1 ] &&
    ok "curves: once in each experiment" || no "curves" "a step is there twice"
[ "$(sql "select max(seeds) from summary")" = 3 ] && ok "summary: a shared run counts once" || no "summary" "it counts a run twice"

for e in first second; do
    check "figures of the $e" 0 'curves' 'bars' -- "$VAE_LAB" figures $e.lua --out $e --format svg
done
grep -q 'width' second/curves*.svg && ! grep -q 'beta' second/curves*.svg && ok "figures: under their own labels" || no "figures" "$(grep -l beta second/*)"
check "compare: the latest sweep" 0 '^A  second +width=2 .* 3 ' -- "$VAE_LAB" compare
check "compare: the shared configuration in both experiments" 0 '^A  first +beta=1 ' '^B  second +width=2 ' '^B - A +test/elbo +3 +0.00' '^weight +- +1$' -- "$VAE_LAB" compare first/beta=1 second
check "compare: a run's number means the experiment that trained it" 0 '^A  first +beta=1 ' -- "$VAE_LAB" compare 4
check "show: both experiments, each with its names of the settings" 0 '^experiment +first' '^also in +second/width=2' 'second +weight +1' -- "$VAE_LAB" show 4
check "show --json" 0 '"members": .*\["first", "beta=1"\], \["second", "width=2"\]' -- "$VAE_LAB" show 4 --json
check "claims of both" 0 '^holds      first' '^holds      second' '2 hold' -- "$VAE_LAB" claims

# ---- more seeds, new labels, --fresh
sed 's/{ 1, 2, 3 }/{ 1, 2, 3, 4 }/' second.lua >more.lua
check "a fourth seed belongs to the second alone" 0 '1 run executed, 3 done before' -- "$VAE_LAB" run more.lua
[ "$(sql "select group_concat(seeds) from (select seeds from summary where metric = 'test/elbo' and label in ('beta=1', 'width=2') order by label)")" = 3,4 ] &&
    ok "the summary of the first has its own seeds only" || no "seeds" "$(sql "select experiment, label, seeds from summary where metric = 'test/elbo'")"
sed "s/width = { 2 }/width = { 2 }, weight = { 1 }/" second.lua >relabelled.lua
check "an experiment with new labels has its runs under the new labels" 0 '0 runs executed' 'weight=1, width=2' -- "$VAE_LAB" run relabelled.lua
[ "$(sql "select group_concat(label, ';') from (select distinct label from runs where id = 4 order by label)")" = 'beta=1;weight=1, width=2' ] &&
    ok "the other keeps its label" || no "names" "$(sql 'select experiment, label from runs where id = 4')"
check "--fresh in one experiment" 0 '3 runs executed' -- "$VAE_LAB" run second.lua --fresh
[ "$(sql "select count(*) from runs where experiment = 'first' and label = 'beta=1' and id > 7")" = 3 ] &&
    ok "--fresh: the other experiment has the new runs too" || no "--fresh" "$(sql "select id, experiment, label from runs")"
[ "$(sql 'pragma foreign_key_check')" = "" ] && ok "the database is consistent" || no "foreign keys" "$(sql 'pragma foreign_key_check')"

# ---- tools/reference: one database of several
VAE_LAB_DB=$scratch/other.db "$VAE_LAB" run second.lua --quiet >/dev/null 2>&1
check "tools/reference: two databases that share runs" 0 'kept.db: 7 runs' -- "$root/tools/reference" kept.db "$VAE_LAB_DB" other.db
check "tools/reference: its claims are readable" 0 '^holds      first' '^holds      second' '2 hold' -- "$VAE_LAB" claims --db kept.db
same=$(sqlite3 kept.db "attach '$VAE_LAB_DB' as o; select count(*) from (select experiment, label, seed, metric, value from last_values where metric not like 'time/%'
    except select experiment, label, seed, metric, value from o.last_values)")
[ "$same" = 0 ] && ok "tools/reference: the same values" || no "kept" "$same values differ"
check "tools/reference does not overwrite" 1 'exists already' -- "$root/tools/reference" kept.db other.db
