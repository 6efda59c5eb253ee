-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/against.lua: final numbers against a setting of the sweep, with 95 % intervals over the seeds; one line for
-- each combination of the other settings.
--
-- baseline = { metric =, title = } adds one more line, for a metric that all of them share, such as the loss of principal
-- components.  panels = SETTING: one panel for each of its values, with all metrics in it.

local axes = require "vae_lab.figures.common.axes"
local check = require "vae_lab.check"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local against = {
  about = "final numbers against a swept setting",
  options = {
    x = { type = "string", required = true },
    metrics = { type = "table", default = { "elbo" } },
    baseline = { type = "table" }, panels = { type = "string" },
  },
}

function against.check(options)
  if not options.baseline then return end
  if options.panels then
    check.fail {
      what = "lab.fig.against has both panels and baseline", expected = "one of them", hint = "draw two figures",
    }
  end
  check.options("baseline of lab.fig.against", options.baseline, {
    metric = { type = "string", required = true }, title = { type = "string", required = true },
  })
end

-- Adds to a panel the line of one metric over the configurations of a group; p.values collects what its axis must hold.
local function add_line(ctx, p, group, metric, look, key)
  local rows = {}
  for _, point in ipairs(group.points) do
    local s = records.summary(ctx, point.c, metric)
    if s then
      axes.hold(p.values, s)
      rows[#rows + 1] = { point.x, s.mean, s.low, s.high }
    end
  end
  table.sort(rows, function(a, b) return p.x.map(a[1]) < p.x.map(b[1]) end)
  table.insert(p.series, { line = rows, look = look, key = key })
  table.insert(p.series, { intervals = rows, look = look, key = key })
end

local function with_dash(look, i) return { colour = look.colour, point = look.point, dash = style.dash(i) } end

-- One panel per metric, with one line per group.
local function by_metric(ctx, groups, metrics, x)
  local panels = {}
  for i, metric in ipairs(metrics) do
    local m = style.metric(metric)
    local p = { heading = m.title, unit = m.unit, metric = metric, x = x, grid = "y", series = {}, values = {} }
    for g, group in ipairs(groups) do
      local key = #groups > 1 and group.title or nil
      add_line(ctx, p, group, group.metric or metric, style.look(g), key)
    end
    panels[i] = p
  end
  return panels, {}
end

-- One panel per value of a setting, on one axis; in it one line per group and metric, the first metric's solid.
local function by_setting(ctx, groups, metrics, x, name)
  local panels, panel_of, looks, look_count, values, key = {}, {}, {}, 0, {}, {}
  local unit, lines = style.metric(metrics[1]).unit, records.groups_by(groups, name)
  for _, group in ipairs(groups) do
    local value, line = records.setting(group.points[1].c.first, name), lines[group]
    local p = panel_of[value]
    if not p then
      p = {
        heading = records.title { { name = name, value = check.text(value) } }, unit = unit, metric = metrics[1], x = x,
        grid = "y", series = {}, values = values,
      }
      panel_of[value], panels[#panels + 1] = p, p
    end
    if not looks[line] then
      look_count = look_count + 1
      looks[line] = style.look(look_count)
    end
    for i, metric in ipairs(metrics) do
      add_line(ctx, p, group, metric, with_dash(looks[line], i), i == 1 and line.title or nil)
    end
  end
  for i, metric in ipairs(metrics) do
    key[i] = { text = style.metric(metric).title, colour = style.ink, dash = style.dash(i) }
  end
  return panels, key
end

-- The metrics that are recorded, by their full names; the most seeds of a mean.
local function recorded(ctx, groups, metrics)
  local out, seeds = {}, 1
  for _, metric in ipairs(metrics) do
    local full, any = records.metric_name(metric), false
    for _, g in ipairs(groups) do
      for _, p in ipairs(g.points) do
        local s = records.summary(ctx, p.c, full)
        if s then any, seeds = true, math.max(seeds, s.seeds) end
      end
    end
    if any then out[#out + 1] = full else ctx.note(full .. " is not recorded; left out") end
  end
  return out, seeds
end

function against.sheets(ctx, options)
  local groups, xs = records.groups(ctx, options.x)
  if #xs < 2 then
    ctx.note("the runs have fewer than two values of " .. options.x .. "; nothing to draw")
    return {}
  end
  if options.panels and records.setting(groups[1].points[1].c.first, options.panels) == nil then
    ctx.note("the runs have no setting " .. options.panels .. "; nothing to draw")
    return {}
  end
  local metrics, seeds = recorded(ctx, groups, options.metrics)
  if #metrics == 0 then return {} end
  if options.baseline then
    local metric = records.metric_name(options.baseline.metric)
    groups[#groups + 1] = { title = options.baseline.title, metric = metric, points = groups[1].points }
  end
  local words = style.setting(options.x)
  local x, build = axes.places(xs, { title = words }), options.panels and by_setting or by_metric
  local panels, key = build(ctx, groups, metrics, x, options.panels)
  for _, p in ipairs(panels) do p.y = axes.metric(p.values, p.metric) end
  return { {
    title = "Results against " .. words, panels = panels, key = key,
    note = records.over_seeds(seeds, ", with its 95 % interval, cut at the frame"),
  } }
end

return against
