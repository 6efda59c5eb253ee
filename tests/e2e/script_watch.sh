#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A script that never ends, or grows without end, is stopped: by an error with its file and line, also where Lua cannot raise one.
# Nothing recorded is lost.  Long computations of the engine are left alone.
. "$(dirname "$0")/common.sh.inc"
slow='string.find(string.rep("a", 40), string.rep("a?", 40) .. string.rep("a", 40))' # backtracks for years
endless_gc='setmetatable({}, { __gc = function() while true do end end })'
export VAE_LAB_SCRIPT_SECONDS=1

# script NAME TOP EVALUATE FIGURES: a script with a line at its top
script() {
    cat >"$1.lua" <<LUA
local lab = require "vae_lab"
$2
local own, drawn = lab.eval.nll { samples = 2, examples = 20 }, lab.fig.curves { name = "own" }
$3
return lab.experiment {
  name = "watched", question = "Does it end?", data = { "digits", train = 200, test = 50 }, sweep = { beta = { 1 } },
  model = function (run, x)
    local q  = lab.mlp { x, 8, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 8, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,
  train = { epochs = 1, batch = 50 },
  evaluate = { own, lab.eval.elbo() }, figures = { lab.fig.curves(), drawn },
}
LUA
}

script find "$slow" ''
check "script: a pattern that backtracks" 3 'still running after 1 s' 'find.lua:2' 'VAE_LAB_SCRIPT_SECONDS' -- \
    timeout 600 "$VAE_LAB" run find.lua --quiet
script gc "$endless_gc collectgarbage()" ''
check "script: a finalizer that loops" 3 'still running after 1 s' 'gc.lua:2' -- timeout 600 "$VAE_LAB" run gc.lua --quiet
script strings 'local t = {} for i = 1, 1e9 do t[i] = string.rep(tostring(i), 1000000) end' ''
check "script: strings without end" 3 'more memory than its limit' 'strings.lua:2' 'not enough memory' 'VAE_LAB_SCRIPT_MEMORY=128' -- \
    env VAE_LAB_SCRIPT_MEMORY=64 timeout 600 "$VAE_LAB" run strings.lua --quiet
check "script: a wrong limit" 2 'VAE_LAB_SCRIPT_MEMORY' 'found +lots' -- env VAE_LAB_SCRIPT_MEMORY=lots "$VAE_LAB" run strings.lua
[ ! -e "$VAE_LAB_DB" ] && ok "script: a script that does not load makes no database" || no "script" "a database was made"

# ---- evaluations: the training is recorded, the evaluation has failed, the others are made
script loop '' 'own.run = function() pcall(error, 1) while true do end end'
check "evaluation: an endless loop fails it" 1 'evaluation nll failed' 'loop.lua:4' -- timeout 600 "$VAE_LAB" run loop.lua --quiet
[ "$(sql "select status from run; select name, status from evaluation order by name")" = "done
elbo|done
nll|failed" ] && ok "evaluation: ... and no other" || no "evaluation: a loop" "$(sql 'select * from evaluation')"
script stuck '' "own.run = function() $slow end"
check "evaluation: a pattern that backtracks fails it" 1 'evaluation nll failed' 'stuck.lua:4' 'cannot be interrupted' -- \
    timeout 600 "$VAE_LAB" run stuck.lua --quiet
[ "$(sql "pragma integrity_check; select status from run; select status from evaluation where name = 'nll'; select count(*) from curves where metric = 'train/elbo'")" = "ok
done
failed
1" ] && ok "evaluation: the record is whole" || no "evaluation: record" "$(sql 'select * from evaluation')"
script mended '' ''
check "evaluation: the mended script evaluates the trained run" 0 '0 runs executed' -- "$VAE_LAB" run mended.lua

# ---- figures: what is drawn stays
script figure '' "drawn.draw = function() $slow end"
check "figure: a pattern that backtracks" 3 'curves.svg' 'still running after 1 s' 'figure.lua:4' -- \
    timeout 600 "$VAE_LAB" figures figure.lua --out drawn --format svg
[ -s drawn/curves.svg ] && [ "$(sql 'pragma integrity_check')" = ok ] && ok "figure: the other is drawn, the record is whole" ||
    no "figure" "$(ls drawn)"

# ---- after the last line of the script
script finalizer "keep = $endless_gc" ''
check "script: a finalizer that loops at the end" 3 'finalizers' -- timeout 600 "$VAE_LAB" run finalizer.lua

# ---- long computations of the engine do not count: several seconds
script long '' 'own = lab.eval.nll { samples = 2000, examples = 50 } own.name = "nll"
local run = own.run own.run = function(...) for _ = 1, 25 do run(...) end end'
check "evaluation: the time of the engine does not count" 0 '0 runs executed' -- env VAE_LAB_SCRIPT_SECONDS=1 "$VAE_LAB" run long.lua
