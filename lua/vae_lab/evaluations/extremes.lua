-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/extremes.lua: is a formula of log sigma² safe where log sigma² is extreme?  Its gradient is asked, not its value: a value
-- may be clamped and look well while the gradient behind the clamp is 0 times infinity.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local extremes = {
  nodes = function(o)
    local list = { "q.logvar" }
    return table.move(o.metrics, 1, #o.metrics, 2, list)
  end,
  rules = {
    metrics = { type = "list", required = true }, logvar = { type = "list", default = { -100, 100 } },
    examples = { type = "integer", min = 1, default = 20 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

function extremes.check(o)
  for i, name in ipairs(o.metrics) do check.value("entry " .. i .. " of lab.eval.extremes' metrics", name, { type = "string" }) end
  for i, v in ipairs(o.logvar) do check.value("entry " .. i .. " of lab.eval.extremes' logvar", v, { type = "number" }) end
end

-- All of an array of this width at v.
local function filled(count, width, v)
  local a = require("vae_lab.native.array").new(count, width)
  for i = 1, count do
    for j = 1, width do a:set(i, j, v) end
  end
  return a
end

-- One small step of Adam along the gradient, for each example alone: it is not taken where the gradient is not finite or is 0.
local function share_moved(model, ask, name, v)
  local width, moved = model:width "q.logvar", 0
  for i = 1, ask.examples do
    local _, after = model:optimise_local_q {
      data = ask.data, split = "test", first = i, count = 1, seed = ask.seed, objective = name, over = { "q.logvar" },
      start = { filled(1, width, v) }, steps = 1, rate = 0.125, check = 1,
    }
    for j = 1, width do
      if after:get(1, j) ~= v and after:get(1, j) == after:get(1, j) then moved = moved + 1 end
    end
  end
  return moved / (ask.examples * width)
end

--- lab.eval.extremes { metrics = { "log_q" }, logvar = { -100, 100 }, examples = 20, seed = 1 }: extreme/NAME_at_V, the share of the encoder's
-- log sigma² that the gradient of the model's tensor NAME can still move once all of them are V: finite and not 0.  exp(100) is
-- above the largest float32: 1 means that the formula never takes it.
function extremes.run(o)
  return function(model, data, recorder)
    local ask = { data = data, examples = common.count(data, "test", o.examples), seed = o.seed }
    for _, name in ipairs(o.metrics) do
      for _, v in ipairs(o.logvar) do
        recorder:metric(string.format("extreme/%s_at_%s", name, check.number(v)), share_moved(model, ask, name, v))
      end
    end
  end
end

return extremes
