-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- check.lua: checks of arguments and options, and the error that a script's mistake raises.
--
-- Promise: a mistake in a script raises one error with what is wrong, what was found, what was expected, and a hint.
-- The line of the script is added where the error is caught (bind/call.c), so nothing here catches errors.

local check = {}

-- ---- values as text -------------------------------------------------------------------------------------------------

--- check.number(v) → the shortest decimal that reads back to the same number: 0.1, 3, 1e-05.
function check.number(v)
  if v ~= v then return "nan" end
  if v == math.huge then return "inf" elseif v == -math.huge then return "-inf" end
  if v == math.floor(v) and math.abs(v) < 2 ^ 53 then return string.format("%d", math.tointeger(v)) end
  for digits = 1, 17 do
    local text = string.format("%." .. digits .. "g", v)
    if tonumber(text) == v then return text end
  end
end

--- check.text(v) → a number as check.number writes it, anything else as tostring does.
function check.text(v) return type(v) == "number" and check.number(v) or tostring(v) end

--- check.settled(v) → v to nine significant digits: the C library's log, cos and pow may differ in the last bit between
-- machines, and what goes into a run's identity must not.
function check.settled(v) return tonumber(string.format("%.9g", v)) end

--- check.describe(v) → v as an error message shows it: "adma" (quoted), 3.5, true, nothing, a table, a function.
function check.describe(v)
  local kind = type(v)
  if kind == "number" then return check.number(v) end
  if kind == "string" then return string.format("%q", v) end
  if kind == "nil" then return "nothing" end
  if kind == "boolean" then return tostring(v) end
  local named = kind == "table" and getmetatable(v)
  return "a " .. (named and type(named) == "table" and rawget(named, "kind") or kind)
end

--- check.sorted_keys(t) → its string keys in alphabetical order.
function check.sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

-- ---- errors ---------------------------------------------------------------------------------------------------------

--- check.fail { what =, where =, found =, expected =, hint = }: raises; the fields of base/error.h.
-- where: a place that is no line of the script ("--set beta=x").
function check.fail(e) error(e, 0) end

-- The number of edits from a to b: insert, delete, replace, exchange two neighbours (optimal string alignment), row by
-- row.
local function distance(a, b)
  local before, row = {}, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local next_row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, next_row[j - 1] + 1, row[j - 1] + cost)
      local exchanged = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      if exchanged then best = math.min(best, before[j - 2] + 1) end
      next_row[j] = best
    end
    before, row = row, next_row
  end
  return row[#b]
end

--- check.nearest(word, names) → the name that `word` is most likely a misspelling of, or nil (text_nearest's rule).
function check.nearest(word, names)
  local best, least = nil, math.max(1, #word // 3) + 1
  for _, name in ipairs(names) do
    if math.abs(#word - #name) < least then -- no distance is smaller than the difference of the lengths
      local d = distance(word, name)
      if d < least then best, least = name, d end
    end
  end
  return best
end

--- check.suggestion(word, names) → 'did you mean "NAME"?', or nil where no name is near.
function check.suggestion(word, names)
  local near = type(word) == "string" and check.nearest(word, names)
  return near and near ~= word and 'did you mean "' .. near .. '"?' or nil
end

--- check.unknown(what, word, names, where): raises "unknown WHAT" with the nearest name and the list of all.
function check.unknown(what, word, names, where)
  check.fail {
    what = "unknown " .. what .. " " .. check.describe(word),
    where = where,
    expected = #names > 0 and "one of: " .. table.concat(names, ", ") or "none",
    hint = check.suggestion(word, names),
  }
end

--- check.member(class, key, more): raises that an object of the class has no member `key`; more: a table with the names
-- of its further fields.
function check.member(class, key, more)
  local names = check.sorted_keys(more)
  for _, name in ipairs(check.sorted_keys(class)) do
    if name ~= "kind" and not name:match("^__") and not more[name] then names[#names + 1] = name end
  end
  table.sort(names)
  check.fail {
    what = "a " .. class.kind .. " has no field or method " .. check.describe(key), found = "nil",
    expected = "one of: " .. table.concat(names, ", "), hint = check.suggestion(key, names),
  }
end

--- check.one_of(what, value, names, where) → value, which must be one of names.
function check.one_of(what, value, names, where)
  for _, name in ipairs(names) do
    if value == name then return value end
  end
  check.unknown(what, value, names, where)
end

-- ---- the types that an option may have ------------------------------------------------------------------------------

local function is_integer(v) return math.type(v) ~= nil and v == math.floor(v) and math.abs(v) < 2 ^ 53 end

local accepts = {
  any      = function() return true end,
  number   = function(v) return type(v) == "number" end,
  integer  = function(v) return type(v) == "number" and is_integer(v) end,
  seed     = function(v) return type(v) == "number" and v >= 0 and (math.type(v) == "integer" or is_integer(v)) end,
  string   = function(v) return type(v) == "string" end,
  boolean  = function(v) return type(v) == "boolean" end,
  table    = function(v) return type(v) == "table" end,
  list     = function(v) return type(v) == "table" and (#v > 0 or next(v) == nil) end,
  ["function"] = function(v) return type(v) == "function" end,
}
local names_of_types = {
  integer = "a whole number", number = "a number",
  seed = "a whole number, at least 0, at most 9223372036854775807 (2^63 - 1)",
  string = "a text in quotes", boolean = "true or false",
  table = "a table",
  list = "a list", ["function"] = "a function", optimiser = "an optimiser, lab.adam { … }", schedule = "a lab.schedule",
  monte_carlo_em = "Monte Carlo EM's settings, lab.hmc { … }",
}

-- "a whole number, at least 1": the values that a rule accepts.
local function rule_text(rule)
  if rule.one_of then return "one of: " .. table.concat(rule.one_of, ", ") end
  local text = {}
  for kind in rule.type:gmatch("[^|]+") do text[#text + 1] = names_of_types[kind] or ("a " .. kind) end
  text = table.concat(text, " or ")
  if rule.above then text = text .. " above " .. check.number(rule.above) end
  if rule.min then text = text .. ", at least " .. check.number(rule.min) end
  if rule.max then text = text .. ", at most " .. check.number(rule.max) end
  if rule.below then text = text .. ", below " .. check.number(rule.below) end
  return text
end

local function type_fits(value, types)
  for kind in types:gmatch("[^|]+") do
    local accept = accepts[kind]
    if accept and accept(value) then return true end
    local meta = not accept and getmetatable(value)
    if meta and type(meta) == "table" and meta.kind == kind then return true end
  end
  return false
end

local function fits(value, rule)
  if not type_fits(value, rule.type or "any") then return false end
  return type(value) ~= "number" or value == value
    and not (rule.min and value < rule.min) and not (rule.max and value > rule.max)
    and not (rule.above and value <= rule.above) and not (rule.below and value >= rule.below)
end

-- → value, which must obey the rule; shown: the value as an error message shows it.
local function obey(what, value, rule, where, shown)
  if not fits(value, rule) then
    check.fail { what = "bad value of " .. what, where = where, found = shown, expected = rule_text(rule) }
  end
  return rule.one_of and check.one_of(what, value, rule.one_of, where) or value
end

--- check.value(what, value, rule, where) → value, after its rule is checked.
-- rule: { type = "number|schedule", one_of = {…}, min =, max =, above =, below = }; the type of an object is the `kind`
-- of its metatable.
function check.value(what, value, rule, where) return obey(what, value, rule, where, check.describe(value)) end

--- check.parse(what, text, rule, where) → the value that a text of the command line means under a rule.
function check.parse(what, text, rule, where)
  local value = text
  if rule.type == "number" then
    value = tonumber(text)
    if value and math.abs(value) == math.huge then value = nil end -- 1e999 is no number of the user's
  elseif rule.type == "integer" or rule.type == "seed" then
    value = math.tointeger(tonumber(text))
  elseif rule.type == "boolean" then
    value = ({ ["true"] = true, ["false"] = false })[text]
  end
  return obey(what, value, rule, where, check.describe(text))
end

--- check.entries(what, list, rule): checks every entry of a list.
function check.entries(what, list, rule)
  for i, v in ipairs(list) do check.value("entry " .. i .. " of " .. what, v, rule) end
end

--- check.options(what, given, rules, where) → a new table: every option checked, defaults filled in; an unknown one is
-- an error.  A rule may also have: required = true, default = value.  Entries 1, 2, … are refused unless there is a
-- rules[1], which they share.
function check.options(what, given, rules, where)
  if given == nil then given = {} end
  if type(given) ~= "table" or getmetatable(given) then
    check.fail {
      what = what .. " takes a table of options", where = where, found = check.describe(given),
      expected = what .. " { " .. table.concat(check.sorted_keys(rules), " =, ") .. " = }",
    }
  end
  local out = {}
  for key, value in pairs(given) do
    if math.type(key) == "integer" then
      if not rules[1] then
        check.fail {
          what = what .. " takes named options only", where = where, found = check.describe(value) .. " without a name",
          expected = "one of: " .. table.concat(check.sorted_keys(rules), ", "),
        }
      end
      out[key] = check.value("entry " .. key .. " of " .. what, value, rules[1], where)
    elseif not rules[key] then
      check.unknown("option of " .. what .. ":", key, check.sorted_keys(rules), where)
    end
  end
  for _, key in ipairs(check.sorted_keys(rules)) do
    local rule, value = rules[key], given[key]
    if value == nil then
      if rule.required then
        check.fail { what = what .. " needs " .. key, where = where, found = "nothing", expected = rule_text(rule) }
      end
      out[key] = rule.default
    else
      out[key] = check.value(key .. " of " .. what, value, rule, where)
    end
  end
  return out
end

return check
