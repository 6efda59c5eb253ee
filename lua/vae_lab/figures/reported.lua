-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/reported.lua: what is reported beside what is true: a row for each way to report, two marks in it, and how far they are
-- apart, in nats.
--
-- What it tells: what a mistake flatters by.  Both numbers are of the same trained models, seed by seed; line = { … } draws a number
-- of other models, the right ones, through all rows.

local check = require "vae_lab.check"
local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local stats = require "vae_lab.native.stats"
local style = require "vae_lab.style"

local reported = {
  about = "what is reported beside what is true, and the difference",
  options = {
    title = { type = "string", default = "What is reported, and what is true" },
    truth = { type = "string", default = "ELBO of the same model" }, rows = { type = "list", required = true }, line = { type = "table" },
  },
}

local row_rules = {
  [1] = { type = "string" }, where = { type = "table", required = true }, reported = { type = "string", required = true },
  honest = { type = "string", default = "elbo" },
}
local line_rules = { [1] = { type = "string" }, where = { type = "table", required = true }, metric = { type = "string", default = "elbo" } }

--- lab.fig.reported { title =, rows = { { "at the mean z", where = { mistake = "none" }, reported = "at_mean", honest = "elbo" }, … },
-- truth = "ELBO of the same model", line = { "the right model", where = {…}, metric = "elbo" } }: metrics as they are recorded, without a
-- "/" those of the test split; truth: what the key calls the honest ones.
function reported.check(options)
  for i, row in ipairs(options.rows) do
    options.rows[i] = check.options("row " .. i .. " of lab.fig.reported", row, row_rules)
    if not options.rows[i][1] then check.fail { what = "row " .. i .. " of lab.fig.reported has no text", expected = '{ "…", where = … }' } end
  end
  if options.line then options.line = check.options("line of lab.fig.reported", options.line, line_rules) end
end

local ROW, LABEL, DIFFERENCE = 0.95, 5.2, 2.6 -- cm: a row's height, the columns on both sides of the panel

-- Mean of a metric over the seeds that have it, or nil.
local function mean_of(ctx, where, metric)
  for _, c in ipairs(records.configurations(ctx)) do
    if records.matches(c.first, where) then
      local values = records.finals(ctx, c, records.metric_name(metric))
      if #values > 0 then return stats.interval(values).mean, values end
    end
  end
end

-- A hundredth of a nat is noise where tens are told.
local function rounded(v)
  local text = string.format(math.abs(v) < 1 and "%.2f" or math.abs(v) < 100 and "%.1f" or "%.0f", v)
  return (text:gsub("%-", "−"))
end

-- { "+9.1 nats", "± 0.2" }: the difference over the seeds, and half its 95 % interval.
local function difference_of(a, b)
  local list = {}
  for i, v in ipairs(a) do list[i] = v - b[i] end
  local d = stats.interval(list)
  return { (d.mean > 0 and "+" or "") .. rounded(d.mean) .. " nats", #list > 1 and "± " .. rounded((d.high - d.low) / 2) or nil }, #list
end

local function gather(ctx, options, name)
  local rows = {}
  for _, r in ipairs(options.rows) do
    local said, said_all = mean_of(ctx, r.where, r.reported)
    local truth, truth_all = mean_of(ctx, r.where, r.honest)
    if said and truth and #said_all == #truth_all then
      local text, seeds = difference_of(said_all, truth_all)
      rows[#rows + 1] = { text = r[1], said = said, truth = truth, difference = text, seeds = seeds }
    else
      ctx.note(name .. ": no finished run has the numbers of \"" .. r[1] .. "\"; left out")
    end
  end
  return rows
end

local function key_of(truth, line)
  local entries = {
    { text = "reported", colour = style.colour(2), point = 13, ps = 1.2 }, { text = truth, colour = style.colour(1), point = 7, ps = 1 },
  }
  if line then entries[3] = { text = line[1], colour = style.ink, dash = style.dash(2), lw = 1.6 } end
  return entries
end

local function panel(page, rows, axis, line)
  page:addf("set xrange [%.9g:%.9g]; set yrange [%d.5:0.5]", axis.low, axis.high, #rows)
  page:addf("set xtics %s offset 0,0.3; unset ytics; set border 1", axis.tics)
  page:addf("set grid xtics lc rgb '#CCCCCC' lw 0.6 dt solid; set xlabel %s offset 0,0.5 font ',8'", style.text "nats per example")
  local gaps, said, truth = {}, {}, {}
  for i, r in ipairs(rows) do
    local a, b = axis.map(r.truth), axis.map(r.said)
    gaps[i], said[i], truth[i] = { a, i, b - a, 0 }, { b, i }, { a, i }
  end
  local parts = {}
  if line then
    local file = page:data("right", { { axis.map(line), 0.5 }, { axis.map(line), #rows + 0.5 } })
    parts[1] = string.format("%s using 1:2 with lines lw 1.6 dt %s lc rgb '%s'", file, style.dash(2), style.ink)
  end
  parts[#parts + 1] = page:data("gap", gaps) .. " using 1:2:3:4 with vectors nohead lw 4 dt solid lc rgb '" .. style.faint .. "'"
  parts[#parts + 1] = string.format("%s using 1:2 with points pt 7 ps 1 lc rgb '%s'", page:data("honest", truth), style.colour(1))
  parts[#parts + 1] = string.format("%s using 1:2 with points pt 13 ps 1.2 lc rgb '%s'", page:data("reported", said), style.colour(2))
  page:plot(parts)
end

-- Lines of text about the height y.
local function column(page, lines, x, y, align)
  for k, text in ipairs(lines) do page:text(text, x, y + (k - (#lines + 1) / 2) * 0.38, { align = align }) end
end

function reported.draw(ctx, options, name)
  local rows = gather(ctx, options, name)
  if #rows == 0 then return {} end
  local line = options.line and (mean_of(ctx, options.line.where, options.line.metric))
  local values, seeds = { line }, 1
  for _, r in ipairs(rows) do
    values[#values + 1] = r.said
    values[#values + 1] = r.truth
    seeds = math.max(seeds, r.seeds)
  end
  local axis = grid.axis(values, { linear = true, count = 5 })
  local note = seeds > 1 and "means over " .. seeds .. " seeds; on the right: how far they are apart, with its 95 % interval"
    or "one seed; on the right: how far they are apart"
  local top = Page.top { title = options.title, note = note }
  local entries = key_of(options.truth, line and options.line)
  local y, tall = top + 0.2, #rows * ROW
  local page = Page.new { width = 16, height = y + tall + 1.1 + Page.key_height(entries, 0.5) + Page.foot, title = options.title, note = note }
  page.source = records.source(ctx)
  page:key(entries, 0.5, y + tall + 1.05)
  page:panel { x = LABEL, y = y, w = 16 - LABEL - DIFFERENCE, h = tall }
  for i, r in ipairs(rows) do
    local middle = y + (i - 0.5) * ROW
    column(page, Page.wrap(r.text, LABEL - 0.4, 9), LABEL - 0.25, middle, "right")
    column(page, r.difference, 16 - DIFFERENCE + 0.3, middle, "left")
  end
  panel(page, rows, axis, line)
  return { page:render(ctx, name) }
end

return reported
