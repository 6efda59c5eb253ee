-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures.lua: `lab.fig`: the kinds of figures an experiment may list.
--
--     figures = { lab.fig.ellipses { digits = { 0, 1, 2, 3, 4 } }, lab.fig.curves() }
--
-- A constructor checks its options where the script is read, before any training, and returns a figure:
-- { kind =, name =, options =, draw = function (ctx) → the names of the files }.
-- Figures are drawn from the database alone:
-- ctx = { db, experiment, sweep, runs, folder, formats, model = function (run), note = function (text),
-- file = function (name, format, write) }; file calls write to write FOLDER/NAME.FORMAT, and reports that it was drawn,
-- or why it could not be, and then goes on.
--
-- To add a kind: a file figures/KIND.lua, and its name in the list below.  The file returns
-- { about =, options = rules, sheets = function (ctx, options) → descriptions of pages (figures/common/sheet.lua) }:
-- which data it reads (figures/common/records.lua), and the panels and series that show them.  A page without panels
-- is not drawn.  The file may also have
--   check(options)                  raises an error
--   fits(models, evaluations)       raises before any training if the models of the runs cannot be drawn
--   prior                           optional: "draws": it draws from the prior of models; one that cannot is refused
--   remark(options, widths, data)   returns why a model with these public names cannot be drawn, and what can be drawn
--                                   instead: printed before training if it is true of all runs

local check = require "vae_lab.check"
local records = require "vae_lab.figures.common.records"
local sheet = require "vae_lab.figures.common.sheet"
local style = require "vae_lab.style"

local kinds = {
  "curves", "ellipses", "manifold", "interpolation", "samples", "reconstructions", "bars", "against", "means",
  "estimates", "gradients", "posteriors", "court", "rate_distortion", "elbo_decomposition", "reported", "draws",
  "triples", "variance", "detection",
}

local figures = { kinds = kinds }

--- lab.fig.KIND { name = …, where = { beta = { 0, 1 } }, … }: every kind takes `name`, the name of its file, and
-- `where`, the runs of the sweep that it shows: for each setting a value, or a list of values.  Draws all pages of a
-- figure; returns their names.
local function draw(definition, ctx, options)
  local function note(text) ctx.note(options.name .. ": " .. style.plain(text)) end
  local own = setmetatable({ note = note, runs = {} }, { __index = ctx })
  for _, run in ipairs(ctx.runs) do
    if records.matches(run, options.where or {}) then table.insert(own.runs, run) end
  end
  if #own.runs == 0 then
    note("no finished run" .. (options.where and " matches its where = { … }" or "") .. "; nothing to draw")
    return {}
  end
  local names = {}
  for _, page in ipairs(definition.sheets(own, options)) do
    for i, part in ipairs(#page.panels > 0 and sheet.split(page) or {}) do
      names[#names + 1] = sheet.draw(own, options.name .. (page.suffix or "") .. (i > 1 and "-" .. i or ""), part)
    end
  end
  return names
end

local function constructor(kind)
  local definition = require("vae_lab.figures." .. kind)
  local rules = { name = { type = "string", default = kind }, where = { type = "table" } }
  for key, rule in pairs(definition.options) do rules[key] = rule end
  return function(given)
    local options = check.options("lab.fig." .. kind, given, rules)
    if not options.name:match("^[%w][%w_.-]*$") or #options.name > 30 then
      check.fail {
        what = "bad name of a figure", found = check.describe(options.name),
        expected = "up to 30 letters, digits, _ - .",
      }
    end
    if definition.check then definition.check(options) end
    local figure = {
      kind = kind, name = options.name, options = options, about = definition.about, fits = definition.fits,
      prior = definition.prior,
    }
    function figure.remark(widths, data) return definition.remark and definition.remark(options, widths, data) end
    function figure.draw(ctx) return draw(definition, ctx, options) end
    return figure
  end
end

for _, kind in ipairs(kinds) do figures[kind] = constructor(kind) end

return setmetatable(figures, {
  __index = function(_, key)
    if type(key) == "string" then check.unknown("figure kind", key, kinds) end
  end,
})
