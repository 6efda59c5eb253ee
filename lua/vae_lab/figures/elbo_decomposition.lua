-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/elbo_decomposition.lua: the KL of each value of a setting as a stack of what it is made of: mutual information, total
-- correlation, dimension-wise KL (from lab.eval.elbo_decomposition).
--
-- What it tells: how much of the KL buys information about x, and how much is only q(z) failing to look like the prior.  The dashed
-- line is log N: the information of a code that tells every example from every other.  A lowest part that reaches it is more than N
-- examples can show, and what is missing stands under the total correlation.

local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local elbo_decomposition = {
  about = "the KL as mutual information, total correlation and dimension-wise KL, over a swept setting",
  options = {
    x = { type = "string", required = true },
    split = { type = "string", one_of = { "test", "train" }, default = "test" },
  },
}

-- From the bottom up; told apart by their fill, not by colour alone.
local parts = {
  { metric = "mutual_information", text = "mutual information I(x; z)", colour = style.colour(1), fill = 0.9 },
  { metric = "total_correlation", text = "total correlation", colour = style.colour(2), fill = 0.55 },
  { metric = "dimension_kl", text = "dimension-wise KL", colour = style.colour(3), fill = 0.25 },
}

-- { x =, values = {I, TC, dimension-wise}, kl = row of summary, log_n = }, … of the configurations that have them.
local function gather(ctx, group, split)
  local bars = {}
  for _, p in ipairs(group.points) do
    local function mean(metric)
      local s = records.summary(ctx, p.c, "accounting/" .. split .. "/" .. metric)
      return s and s.mean, s
    end
    local bar = { x = p.x, values = {} }
    for i, part in ipairs(parts) do bar.values[i] = mean(part.metric) end
    bar.total, bar.kl = mean "kl"
    bar.log_n = mean "log_examples"
    if bar.total and #bar.values == #parts then bars[#bars + 1] = bar end
  end
  return bars
end

local function axis_of(panels)
  local values = { 0 }
  for _, p in ipairs(panels) do
    for _, bar in ipairs(p.bars) do
      values[#values + 1] = bar.total
      values[#values + 1] = bar.kl.high and math.min(bar.kl.high, bar.total + 3 * bar.kl.sd)
      values[#values + 1] = bar.log_n
    end
  end
  return grid.axis(values, { linear = true, floor = 0, count = 6 })
end

local function panel(page, name, bars, axis, place, words)
  local tics, most = {}, 0
  for _, bar in ipairs(bars) do tics[#tics + 1] = { place[bar.x], type(bar.x) == "number" and style.number(bar.x) or bar.x } end
  for _, at in pairs(place) do most = math.max(most, at) end
  page:addf("set xrange [0.4:%g]; set yrange [%.9g:%.9g]", most + 0.6, axis.low, axis.high)
  page:addf("set xtics %s scale 0 offset 0,0.3; set ytics %s offset 0.5,0", grid.tics(tics), axis.tics)
  page:addf("set grid ytics lc rgb '#CCCCCC' lw 0.6 dt solid; set xlabel %s offset 0,0.5", style.text(words))
  local plots = {}
  local under = {}
  for i, part in ipairs(parts) do
    local rows = {}
    for k, bar in ipairs(bars) do
      local low = under[k] or 0
      under[k] = low + bar.values[i]
      rows[k] = { place[bar.x], low, under[k] }
    end
    plots[i] = string.format("%s using 1:2:($1-0.32):($1+0.32):2:3 with boxxyerror lc rgb '%s' lw 1 fs solid %.2f border",
      page:data(name .. "_" .. part.metric, rows), part.colour, part.fill)
  end
  local whiskers = {}
  for _, bar in ipairs(bars) do
    if bar.kl.low then
      whiskers[#whiskers + 1] = { place[bar.x], bar.total, math.max(bar.kl.low, 0), math.min(bar.kl.high, axis.high) }
    end
  end
  if #whiskers > 0 then
    plots[#plots + 1] = page:data(name .. "_kl", whiskers) .. " using 1:2:3:4 with yerrorbars pt 7 ps 0.3 lw 1.6 lc rgb '#000000'"
  end
  if bars[1].log_n then
    local file = page:data(name .. "_log_n", { { 0.4, bars[1].log_n }, { most + 0.6, bars[1].log_n } })
    plots[#plots + 1] = string.format("%s using 1:2 with lines lw 1.8 dt %s lc rgb '%s'", file, style.dash(2), style.ink)
  end
  page:plot(plots)
  page:add "unset grid; unset xlabel"
end

local function key_of(log_n)
  local entries = {}
  for i = #parts, 1, -1 do entries[#entries + 1] = { text = parts[i].text, colour = parts[i].colour, fill = parts[i].fill } end
  if log_n then
    entries[#entries + 1] = {
      text = string.format("log N = %s, the most that I can be", style.number(log_n)), colour = style.ink, dash = style.dash(2), lw = 1.8,
    }
  end
  return entries
end

function elbo_decomposition.draw(ctx, options, name)
  local groups, xs = records.groups(ctx, options.x)
  local panels, place, seeds = {}, {}, 1
  for _, group in ipairs(groups) do
    local bars = gather(ctx, group, options.split)
    if #bars > 0 then panels[#panels + 1] = { rest = group.rest, bars = bars } end
    for _, bar in ipairs(bars) do seeds = math.max(seeds, bar.kl.seeds) end
  end
  if #panels == 0 then
    ctx.note(name .. ": no accounts are recorded (lab.eval.elbo_decomposition); nothing to draw")
    return {}
  end
  for i, x in ipairs(xs) do place[x] = i end
  local axis, words = axis_of(panels), style.setting(options.x)
  local title = "What the KL is made of, by " .. words
  local note = "height: the KL to the prior over the " .. options.split .. " examples, nats per example, q(z) over all of them; "
    .. (seeds > 1 and "mean over " .. seeds .. " seeds, line: its 95 % interval" or "one seed")
  local top = Page.top { title = title, note = note }
  local alone = #panels == 1
  local g = grid.squares(#panels, 16, {
    left = 1.45, between = 1.3, above = alone and 0.2 or 0.6, below = 1.1, top = top, ratio = alone and 0.6 or 1, largest = alone and 12 or 7,
    columns = math.min(2, #panels),
  })
  local entries = key_of(panels[1].bars[1].log_n)
  local page = Page.new {
    width = 16, height = top + g.height + Page.key_height(entries, 0.6) + Page.foot, title = title, note = note,
  }
  page.source = records.source(ctx)
  page:key(entries, 0.6, top + g.height)
  for i, p in ipairs(panels) do
    local x, y = g.place(i)
    page:panel { x = x, y = y, w = g.size, h = g.tall, title = not alone and style.title(p.rest) or nil }
    panel(page, "p" .. i, p.bars, axis, place, words)
  end
  return { page:render(ctx, name) }
end

return elbo_decomposition
