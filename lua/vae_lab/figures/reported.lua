-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/reported.lua: reported and correct numbers: one row for each way to report, with two marks and their
-- difference in nats.
--
-- What it shows: how much a mistake flatters.  Both numbers of a row are of the same trained models, seed by seed; line
-- = { … } draws one number of other models, the correct ones, through all rows.

local axes = require "vae_lab.figures.common.axes"
local check = require "vae_lab.check"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local reported = {
  about = "reported and correct numbers, and the difference",
  options = {
    title = { type = "string", default = "What is reported, and what is correct" },
    truth = { type = "string", default = "ELBO of the same model" },
    rows = { type = "list", required = true }, line = { type = "table" },
  },
}

local row_rules = {
  [1] = { type = "string" }, where = { type = "table", required = true },
  reported = { type = "string", required = true }, honest = { type = "string", default = "elbo" },
}
local line_rules = {
  [1] = { type = "string" }, where = { type = "table", required = true },
  metric = { type = "string", default = "elbo" },
}

--- lab.fig.reported { title =, rows = { { "at the mean z", where = { mistake = "none" }, reported = "at_mean", honest =
-- "elbo" }, … }, truth = "ELBO of the same model", line = { "the right model", where = {…}, metric = "elbo" } }:
-- metrics have their recorded names; a name without "/" means the test split.  truth: the key's text for the correct
-- numbers, those of the metric `honest`.
function reported.check(options)
  for i, row in ipairs(options.rows) do
    local what = "row " .. i .. " of lab.fig.reported"
    options.rows[i] = check.options(what, row, row_rules)
    if not options.rows[i][1] then check.fail { what = what .. " has no text", expected = '{ "…", where = … }' } end
  end
  if options.line then options.line = check.options("line of lab.fig.reported", options.line, line_rules) end
end

-- Mean of a metric over the seeds that have it, and its values; or nil.
local function mean_of(ctx, where, metric)
  for _, c in ipairs(records.configurations(ctx)) do
    local values = records.matches(c.first, where) and records.finals(ctx, c, records.metric_name(metric)) or {}
    if #values > 0 then return stats.interval(values).mean, values end
  end
end

-- Hundredths of a nat are noise in a difference of tens.
local function rounded(v)
  local text = string.format(math.abs(v) < 1 and "%.2f" or math.abs(v) < 100 and "%.1f" or "%.0f", v)
  return (text:gsub("%-", "−"))
end

-- { "+9.1 nats", "± 0.2" }: the mean difference over the seeds, and half its 95 % interval.
local function difference_of(a, b)
  local list = {}
  for i, v in ipairs(a) do list[i] = v - b[i] end
  local d = stats.interval(list)
  local half = #list > 1 and "± " .. rounded((d.high - d.low) / 2) or nil
  return { (d.mean > 0 and "+" or "") .. rounded(d.mean) .. " nats", half }
end

function reported.sheets(ctx, options)
  local texts, differences, gaps, wrong, right, values, seeds = {}, {}, {}, {}, {}, {}, 1
  for _, row in ipairs(options.rows) do
    local a, all_a = mean_of(ctx, row.where, row.reported)
    local b, all_b = mean_of(ctx, row.where, row.honest)
    if a and b and #all_a == #all_b then
      local i = #texts + 1
      texts[i], differences[i] = row[1], difference_of(all_a, all_b)
      gaps[i], wrong[i], right[i] = { b, i, a, i }, { a, i }, { b, i }
      values[#values + 1], values[#values + 2] = a, b
      seeds = math.max(seeds, #all_a)
    else
      ctx.note("no finished run has the numbers of \"" .. row[1] .. "\"; left out")
    end
  end
  if #texts == 0 then return {} end
  local series = {
    { segments = gaps, colour = style.faint, width = 4 },
    { points = right, colour = style.colour(1), point = 7, size = 1, key = options.truth },
    { points = wrong, colour = style.colour(2), point = 13, size = 1.2, key = "reported" },
  }
  local line = options.line and (mean_of(ctx, options.line.where, options.line.metric))
  if line then
    values[#values + 1] = line
    series[4] = {
      segments = { { line, -math.huge, line, math.huge } }, colour = style.ink, dash = style.dash(2), width = 1.6,
      key = options.line[1],
    }
  end
  local x = axes.fit(values, { linear = true, count = 5, title = "nats per example" })
  return { {
    title = options.title, panels = { { x = x, y = axes.rows(texts, differences), grid = "x", series = series } },
    note = records.over_seeds(seeds)
      .. "; on the right: the difference" .. (seeds > 1 and ", with its 95 % interval" or ""),
  } }
end

return reported
