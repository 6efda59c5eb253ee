-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/against.lua: final numbers against a setting of the sweep, with 95 % intervals over the seeds; a line for each
-- combination of the other settings.  beside = { metric =, title = } adds one more line: a metric that is the same for all
-- of them, such as what principal components would reach.  panels = SETTING: a panel for each of its values, all metrics in it.

local check = require "vae_lab.check"
local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local against = {
  about = "final numbers against a swept setting",
  options = {
    x = { type = "string", required = true },
    metrics = { type = "table", default = { "elbo" } },
    beside = { type = "table" }, panels = { type = "string" },
  },
}

-- Centimetres: a character of a tic's label at 8 pt, and a panel of three in a row.
local CHARACTER, PANEL = 0.17, 3.9

function against.check(options)
  if not options.beside then return end
  if options.panels then
    check.fail { what = "lab.fig.against has both panels and beside", expected = "one of them", hint = "draw two figures" }
  end
  check.options("beside of lab.fig.against", options.beside, {
    metric = { type = "string", required = true }, title = { type = "string", required = true },
  })
end

-- Places on the axis: even steps for words, for few values and where the steps are far from even; else the number itself.
local function places_of(xs, numbers)
  local place, tics, even = {}, {}, true
  if numbers and #xs > 2 then
    for i = 2, #xs - 1 do
      local a, b = xs[i] - xs[i - 1], xs[i + 1] - xs[i]
      even = even and math.abs(a - b) < 0.3 * math.max(a, b)
    end
  end
  local longest = 1
  for i, x in ipairs(xs) do
    place[x] = numbers and even and #xs > 2 and x or i
    tics[i] = { place[x], type(x) == "number" and style.number(x) or tostring(x) }
    longest = math.max(longest, utf8.len(tics[i][2]))
  end
  -- the names of every second, third … value where all of them would not stand side by side under a panel
  local step = math.ceil(#xs * (longest + 1) * CHARACTER / PANEL)
  for i = 2, #tics do
    if (i - 1) % step ~= 0 then tics[i][2] = "" end
  end
  local low, high = place[xs[1]], place[xs[#xs]]
  local margin = #xs > 1 and (high - low) * 0.08 or 0.5
  return place, grid.tics(tics), low - margin, high + margin
end

-- The rows { place, mean, low, high } of every line; what the axis must hold is added to values.
local function gather(ctx, lines, place, values)
  local drawn = {}
  for l, line in ipairs(lines) do
    for _, p in ipairs(line.points) do
      local s = records.summary(ctx, p.c, line.metric)
      if s and s.mean then
        drawn[l] = drawn[l] or {}
        local reach = 3 * (s.sd or 0)
        local from, to = s.low or s.mean, s.high or s.mean
        table.insert(drawn[l], { place[p.x], s.mean, from, to })
        for _, v in ipairs { s.mean, math.max(from, s.mean - reach), math.min(to, s.mean + reach) } do values[#values + 1] = v end
      end
    end
  end
  return drawn
end

local function axis_of(values, metric)
  local m = style.metric(metric)
  return grid.axis(values, { floor = m.positive and 0 or nil, ceiling = m.share and 1 or nil, linear = m.share })
end

local function panel(page, name, lines, drawn, axis, x)
  page:addf("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", x.low, x.high, axis.low, axis.high)
  page:addf("set xtics %s offset 0,0.3; set ytics %s offset 0.5,0", x.tics, axis.tics)
  page:addf("set grid ytics lc rgb '#CCCCCC' lw 0.6 dt solid; set xlabel %s offset 0,0.6", style.text(x.title))
  local parts = {}
  for l, line in ipairs(lines) do
    if drawn[l] then
      table.sort(drawn[l], function(a, b) return a[1] < b[1] end)
      for _, row in ipairs(drawn[l]) do
        for k = 2, 4 do row[k] = axis.map(row[k]) end
        if row[3] ~= row[3] then row[3] = axis.low end
        -- an interval beyond the frame ends at it
        row[3], row[4] = math.max(row[3], axis.low), math.min(row[4], axis.high)
      end
      local file, colour = page:data(name .. "_" .. l, drawn[l]), style.colour(line.look)
      parts[#parts + 1] = string.format("%s using 1:2 with lines lw 2 dt %s lc rgb '%s'", file, line.dash, colour)
      parts[#parts + 1] = string.format("%s using 1:2:3:4 with yerrorbars pt %d ps 0.9 lw 2 lc rgb '%s'",
        file, style.point(line.look), colour)
    end
  end
  page:plot(parts)
  page:add "unset grid; unset xlabel"
end

-- ---- which lines in which panel ----------------------------------------------------------------------------------------

-- A panel for each metric, in it a line for each group.
local function by_metric(groups, metrics)
  local panels, key = {}, {}
  for i, metric in ipairs(metrics) do
    local m, lines = style.metric(metric), {}
    for g, group in ipairs(groups) do
      lines[g] = { points = group.points, metric = group.metric or metric, look = g, dash = style.dash(g) }
    end
    panels[i] = { title = m.title, unit = m.unit, metric = metric, lines = lines, values = {} }
  end
  for g, group in ipairs(groups) do
    key[g] = { text = group.title or style.title(group.rest), colour = style.colour(g), dash = style.dash(g), point = style.point(g) }
  end
  return panels, #groups > 1 and key or {}
end

-- A panel for each value of a setting, on one axis; in it a line for each group and metric, the first metric's solid.
local function by_setting(groups, metrics, name)
  local panels, key, panel_of, look_of, values = {}, {}, {}, {}, {}
  local m = style.metric(metrics[1])
  for _, group in ipairs(groups) do
    local value, rest = records.setting(group.points[1].c.first, name), style.without(group.rest, name)
    local p = panel_of[value]
    if not p then
      p = { title = style.title(name .. "=" .. tostring(value)), unit = m.unit, metric = metrics[1], lines = {}, values = values }
      panel_of[value], panels[#panels + 1] = p, p
    end
    if not look_of[rest] then
      look_of[rest] = #key + 1
      local look = look_of[rest]
      key[look] = { text = style.title(rest), colour = style.colour(look), dash = style.dash(1), point = style.point(look) }
    end
    for i, metric in ipairs(metrics) do
      p.lines[#p.lines + 1] = { points = group.points, metric = metric, look = look_of[rest], dash = style.dash(i) }
    end
  end
  for i, metric in ipairs(metrics) do
    key[#key + 1] = { text = style.metric(metric).title, colour = style.ink, dash = style.dash(i) }
  end
  return panels, key
end

function against.draw(ctx, options, name)
  local groups, xs, numbers = records.groups(ctx, options.x)
  if #xs < 2 then
    ctx.note(name .. ": the runs have fewer than two values of " .. options.x .. "; nothing to draw")
    return {}
  end
  if options.panels and records.setting(groups[1].points[1].c.first, options.panels) == nil then
    ctx.note(name .. ": the runs have no setting " .. options.panels .. "; nothing to draw")
    return {}
  end
  local metrics, seeds = {}, 1
  for _, metric in ipairs(options.metrics) do
    local full, any = records.metric_name(metric), false
    for _, g in ipairs(groups) do
      for _, p in ipairs(g.points) do
        local s = records.summary(ctx, p.c, full)
        any = any or (s ~= nil and s.mean ~= nil)
        seeds = math.max(seeds, s and s.seeds or 1)
      end
    end
    if any then metrics[#metrics + 1] = full else ctx.note(name .. ": " .. full .. " is not recorded; left out") end
  end
  if #metrics == 0 then return {} end
  if options.beside then
    groups[#groups + 1] = { title = options.beside.title, metric = records.metric_name(options.beside.metric), points = groups[1].points }
  end
  local place, x_tics, low, high = places_of(xs, numbers)
  local words = style.setting(options.x)
  local title = "How the results change with " .. words
  local note = seeds > 1 and "mean over up to " .. seeds .. " seeds, with its 95 % interval, cut at the frame" or "one seed: there is no interval"
  local top = Page.top { title = title, note = note }
  local panels, key = (options.panels and by_setting or by_metric)(groups, metrics, options.panels)
  local alone = #panels == 1
  local g = grid.squares(#panels, 16, {
    left = 1.45, between = 1.6, above = Page.heading_height(panels, alone and 10 or 4) + 0.1, below = 1.15, top = top,
    ratio = alone and 0.6 or 0.95, largest = alone and 11 or 6.5, columns = math.min(3, #panels),
  })
  local below = (#key > 0 and Page.key_height(key, 0.5) or 0) + Page.foot
  local page = Page.new { width = 16, height = top + g.height + below, title = title, note = note }
  page.source = records.source(ctx)
  if #key > 0 then page:key(key, 0.5, top + g.height) end
  for _, p in ipairs(panels) do p.drawn = gather(ctx, p.lines, place, p.values) end
  for i, p in ipairs(panels) do
    local x, y = g.place(i)
    local axis = axis_of(p.values, p.metric)
    page:panel { x = x, y = y, w = g.size, h = g.tall }
    page:heading(p.title, p.unit .. (axis.kind == "log" and " (log)" or ""), x, y, g.size)
    panel(page, "m" .. i, p.lines, p.drawn, axis, { low = low, high = high, tics = x_tics, title = words })
  end
  return { page:render(ctx, name) }
end

return against
