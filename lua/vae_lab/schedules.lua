-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schedules.lua: numbers that change from epoch to epoch: learning rates, an annealed beta.
--
-- Promise: a schedule is evaluated before training, to one number for each epoch; the training loop never calls Lua,
-- and the numbers are part of a run's identity.  Epochs count from 1; the last value holds for all later epochs.

local check = require "vae_lab.check"

local kinds = { "constant", "cosine", "iwae", "iwae_epochs", "linear", "steps", "warmup" }
local schedules = setmetatable({}, {
  __index = function(_, key) check.unknown("schedule lab.schedule.", key, kinds) end,
})

local Schedule = { kind = "schedule" }
Schedule.__index = Schedule
Schedule.__tostring = function(s) return s.text end

local function new(text, at) return setmetatable({ text = text, at = at }, Schedule) end

local function is_number(v) return type(v) == "number" and v == v and math.abs(v) < math.huge end

--- lab.schedule.constant(v): the number v at every epoch.
function schedules.constant(v)
  check.value("lab.schedule.constant", v, { type = "number" })
  return new(check.number(v), function() return v end)
end

--- lab.schedule.linear { from = 0, to = 1, epochs = N }: `from` at epoch 1, `to` at epoch N and after it.
-- With epochs = 1 it is `to` from the start.  The warm-up of beta: Sønderby et al., Ladder VAEs (arXiv 1602.02282).
function schedules.linear(options)
  local o = check.options("lab.schedule.linear", options, {
    from = { type = "number", default = 0 }, to = { type = "number", default = 1 },
    epochs = { type = "integer", min = 1, required = true },
  })
  return new(
    string.format("linear(%s to %s in %d)", check.number(o.from), check.number(o.to), o.epochs),
    function(epoch)
      if epoch >= o.epochs then return o.to end
      return o.from + (o.to - o.from) * (epoch - 1) / (o.epochs - 1)
    end)
end

--- lab.schedule.warmup { epochs = N, to = 1 }: N equal steps, to / N at epoch 1, `to` at epoch N and after it.
function schedules.warmup(options)
  local o = check.options("lab.schedule.warmup", options, {
    epochs = { type = "integer", min = 1, required = true }, to = { type = "number", default = 1 },
  })
  return new(
    string.format("warmup(%s in %d)", check.number(o.to), o.epochs),
    function(epoch) return o.to * math.min(epoch / o.epochs, 1) end)
end

--- lab.schedule.cosine { from =, to = 0, epochs = N }: half a cosine from `from` at epoch 1 to `to` at epoch N and
-- after it (Loshchilov & Hutter, SGDR, equation 5, arXiv 1608.03983).
function schedules.cosine(options)
  local o = check.options("lab.schedule.cosine", options, {
    from = { type = "number", required = true }, to = { type = "number", default = 0 },
    epochs = { type = "integer", min = 2, required = true },
  })
  return new(
    string.format("cosine(%s to %s in %d)", check.number(o.from), check.number(o.to), o.epochs),
    function(epoch)
      local t = math.min((epoch - 1) / (o.epochs - 1), 1)
      return o.to + (o.from - o.to) * 0.5 * (1 + math.cos(math.pi * t))
    end)
end

--- lab.schedule.steps { { 1, 1e-3 }, { 50, 1e-4 }, … }: pairs of first epoch and value, epochs ascending from 1.
function schedules.steps(pairs_)
  check.value("lab.schedule.steps", pairs_, { type = "list" })
  local text, before = {}, 0
  for i, pair in ipairs(pairs_) do
    local good = type(pair) == "table" and math.type(pair[1]) == "integer" and pair[1] > before and is_number(pair[2])
    if not good or (i == 1 and pair[1] ~= 1) then
      check.fail {
        what = "bad entry " .. i .. " of lab.schedule.steps",
        expected = "{ first epoch, value }, the epochs ascending from 1",
      }
    end
    before = pair[1]
    text[i] = pair[1] .. ":" .. check.number(pair[2])
  end
  return new("steps(" .. table.concat(text, " ") .. ")", function(epoch)
    local value
    for _, pair in ipairs(pairs_) do
      if epoch >= pair[1] then value = pair[2] end
    end
    return value
  end)
end

--- lab.schedule.iwae { scale = 1, stages = 8 }: the learning rates of Burda et al. (arXiv 1509.00519, section 5.1):
-- stage i = 0 … 7 lasts 3^i epochs at scale · 10^(-3 - i/7): 10, 7.2, 5.2, 3.7, 2.7, 1.9, 1.4, 1 times 10^-4.
-- Eight stages are 3,280 epochs.
function schedules.iwae(options)
  local o = check.options("lab.schedule.iwae", options, {
    scale = { type = "number", above = 0, default = 1 }, stages = { type = "integer", min = 1, max = 8, default = 8 },
  })
  return new(string.format("iwae(%s, %d stages)", check.number(o.scale), o.stages), function(epoch)
    local stage, last = 0, 1
    while epoch > last and stage < o.stages - 1 do
      stage = stage + 1
      last = last + 3 ^ stage
    end
    return o.scale * 10 ^ (-3 - stage / 7)
  end)
end

--- lab.schedule.iwae_epochs(stages) → the epochs of that many stages: (3^stages - 1) / 2.
function schedules.iwae_epochs(stages)
  check.value("lab.schedule.iwae_epochs", stages, { type = "integer", min = 1, max = 8 })
  return (3 ^ stages - 1) // 2 | 0
end

-- ---- for the plan ---------------------------------------------------------------------------------------------------

--- schedules.is(v) → whether v is a schedule or a function of the epoch.
function schedules.is(v) return getmetatable(v) == Schedule or type(v) == "function" end

--- schedules.text(v) → its text in labels and recorded parameters.
function schedules.text(v)
  if type(v) == "number" then return check.number(v) end
  if type(v) == "function" then return "schedule" end
  if getmetatable(v) == Schedule then return v.text end
  local text = {}
  for i, value in ipairs(v) do text[i] = check.number(value) end
  return table.concat(text, " ")
end

--- schedules.values(what, v, epochs) → the list of its values; a number is a list of one.
-- v: a number, a list of numbers (one an epoch), a schedule, or a Lua function of the epoch.
function schedules.values(what, v, epochs, where)
  if type(v) == "number" then return { v } end
  local is_list = type(v) == "table" and getmetatable(v) == nil
  if not is_list and not schedules.is(v) or is_list and #v == 0 then
    check.fail {
      what = "bad " .. what, where = where, found = check.describe(v),
      expected = "a number, a list of numbers, a lab.schedule, or a function of the epoch",
    }
  end
  local at = type(v) == "function" and v or is_list and function(epoch) return v[epoch] end or v.at
  local values = {}
  for epoch = 1, is_list and math.min(#v, epochs) or epochs do
    local value = at(epoch)
    if not is_number(value) then
      check.fail {
        what = string.format("%s is not a number at epoch %d", what, epoch), where = where,
        found = check.describe(value),
        expected = "a finite number",
      }
    end
    values[epoch] = is_list and value or check.settled(value)
  end
  -- the last value holds for all later epochs: equal values at the end are given once
  while #values > 1 and values[#values] == values[#values - 1] do values[#values] = nil end
  return values
end

return schedules
