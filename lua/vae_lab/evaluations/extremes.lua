-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/extremes.lua: does a formula of log sigma² have a usable gradient where log sigma² is extreme?  The
-- gradient is tested and not the value: a clamped value looks right, while the gradient behind the clamp is 0 times
-- infinity.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"
local array = require "vae_lab.native.array"

local extremes = {
  nodes = function(o) return { "q.logvar", table.unpack(o.metrics) } end,
  rules = {
    metrics = { type = "list", required = true }, logvar = { type = "list", default = { -100, 100 } },
    examples = common.whole(1, 20), seed = common.whole(0, 1),
  },
}

function extremes.check(o)
  check.entries("metrics of lab.eval.extremes", o.metrics, { type = "string" })
  check.entries("logvar of lab.eval.extremes", o.logvar, { type = "number" })
end

-- One small step of Adam along the gradient for each example alone; Adam does not move where the gradient is 0 or not
-- finite.
local function share_moved(model, request, name, v)
  local width, moved = model:width "q.logvar", 0
  local start = array.new(1, width)
  for j = 1, width do start:set(1, j, v) end
  for i = 1, request.count do
    local _, after = model:optimise_local_q(common.with(request, {
      first = i, count = 1, objective = name, over = { "q.logvar" }, start = { start }, steps = 1, rate = 0.125,
      check = 1,
    }))
    for j = 1, width do
      if after:get(1, j) ~= v and after:get(1, j) == after:get(1, j) then moved = moved + 1 end
    end
  end
  return moved / (request.count * width)
end

--- lab.eval.extremes { metrics = { "log_q" }, logvar = { -100, 100 }, examples = 20, seed = 1 }: extreme/NAME_at_V, the
-- share of the values of log sigma² that the gradient of the model's tensor NAME can still change when all of them are
-- V: where it is finite and not 0.  exp(100) is above the largest float32, so 1 means that the formula never computes
-- it.
function extremes.run(o, model, data, recorder)
  for _, name in ipairs(o.metrics) do
    for _, v in ipairs(o.logvar) do
      recorder:metric(string.format("extreme/%s_at_%s", name, check.number(v)),
        share_moved(model, common.request(data, "test", o), name, v))
    end
  end
end

return extremes
