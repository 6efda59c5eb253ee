-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/variance.lua: the standard deviation of a result by its source, beside published gaps; and the shares of the
-- seeds in its variance.  For runs of the design of lua/vae_lab/variance.lua, with lab.eval.repeats.

local axes = require "vae_lab.figures.common.axes"
local check = require "vae_lab.check"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"
local variance = require "vae_lab.variance"

local figure = {
  about = "standard deviation of a result by its source, and published gaps",
  options = {
    metric = { type = "string", default = "final/test/elbo" },
    shares = { type = "list", default = { "final/test/elbo", "test/nll", "final/test/kl", "latent/active_units" } },
    gaps = { type = "list", default = {} }, gaps_metric = { type = "string", default = "test/nll" },
    gaps_data = { type = "string", default = "mnist" },
  },
}

--- lab.fig.variance { metric = "final/test/elbo", shares = { metrics }, gaps = { { "k = 1 to 5", nats = 1.22 }, … } }:
-- gaps: what is compared, and the difference of the two results, of the metric gaps_metric = "test/nll" on the data
-- gaps_data = "mnist"; for runs on other data they are left out.
function figure.check(options)
  local rules = { [1] = { type = "string", required = true }, nats = { type = "number", required = true, above = 0 } }
  for i, gap in ipairs(options.gaps) do check.options("gap " .. i .. " of lab.fig.variance", gap, rules) end
end

local WORDS = { init = "initial weights", order = "order of the examples", noise = "draws of z",
  binarise = "binarisation of the training pixels" }

-- Of a variance's estimate with its interval, the standard deviation.
local function root(v) return v and { value = v.value ^ 0.5, low = v.low ^ 0.5, high = v.high ^ 0.5 } end

-- The pairs of a metric, with the numbers of lab.eval.repeats where all runs have them.
local function pairs_of(ctx, metric)
  local function more(run, ending)
    local list, name = {}, "repeat/" .. metric:match("[^/]*$") .. "_" .. ending .. "_"
    repeat
      local v = records.final(ctx, run, name .. #list + 1)
      list[#list + 1] = v
    until not v
    return #list > 1 and list or nil
  end
  return variance.pairs(ctx.runs, function(run) return records.final(ctx, run, metric) end, more)
end

-- { text, standard deviation with its interval } of every source.
local function sources(pairs)
  local rows = { { "all four seeds", root(variance.estimate("total", pairs)) } }
  for _, factor in ipairs(variance.FACTORS) do
    rows[#rows + 1] = { WORDS[factor], root(variance.estimate("effect", pairs, factor)) }
  end
  rows[#rows + 1] = { "the evaluation's draws", root(variance.estimate("evaluation", pairs)) }
  rows[#rows + 1] = { "which test images, in a gap", root(variance.estimate("images_in_gap", pairs)) }
  rows[#rows + 1] = { "which test images, in one result", root(variance.estimate("images_in_one", pairs)) }
  return rows
end

local function source_panel(rows, metric)
  local texts, right, spans, values = {}, {}, {}, {}
  for _, row in ipairs(rows) do
    local sd, i = row[2], #texts + 1
    if sd then
      texts[i], right[i], spans[i] = row[1], { string.format("%.2f", sd.value) }, { sd.value, i, sd.low, sd.high }
      values[#values + 1], values[#values + 2] = sd.low, sd.high
    end
  end
  return {
    heading = "Standard deviation of the " .. style.metric(metric).title, grid = "x", y = axes.rows(texts, right),
    x = axes.fit(values, { title = "nats per example" }), series = { { spans = spans, look = style.look(1) } },
  }
end

-- Two single results differ by more than 1.96 standard deviations of their difference once in 20 times by luck.
local function gap_panel(gaps, line)
  local texts, above, below, unclear, values = {}, {}, {}, {}, {}
  for i, gap in ipairs(gaps) do
    local list = gap.nats > line.high and above or gap.nats < line.low and below or unclear
    list[#list + 1] = { gap.nats, i }
    texts[i], values[i] = gap[1], gap.nats
  end
  values[#values + 1], values[#values + 2] = line.low, line.high
  local function edge(v, dash)
    return { segments = { { v, -math.huge, v, math.huge } }, colour = style.ink, dash = dash }
  end
  local limit = edge(line.value, style.dash(2))
  limit.width, limit.key = 1.8, "95 % of the gaps between two runs that differ in their seeds alone are smaller"
  return {
    heading = "Published gaps, and luck in these runs", grid = "x", y = axes.rows(texts),
    x = axes.fit(values, { title = "nats per example" }),
    series = {
      edge(line.low, style.dash(3)), edge(line.high, style.dash(3)), limit,
      { points = above, colour = style.colour(3), point = 7, size = 1.1, key = "beyond luck" },
      { points = unclear, colour = style.ink, point = 6, size = 1.1, key = "not clear" },
      { points = below, colour = style.colour(2), point = 2, size = 1.1, key = "may be luck" },
    },
  }
end

local function share_panel(pairs, metric)
  local texts, alone, with = {}, {}, {}
  for i, factor in ipairs(variance.FACTORS) do
    local a, t = variance.estimate("main_share", pairs, factor), variance.estimate("effect_share", pairs, factor)
    texts[i] = WORDS[factor]
    alone[i], with[i] = { a.value, i + 0.15, a.low, a.high }, { t.value, i - 0.15, t.low, t.high }
  end
  return {
    heading = style.metric(metric).title, unit = "share of the variance", grid = "x", y = axes.rows(texts),
    x = axes.linear(0, 1, { count = 5 }),
    series = {
      { spans = with, look = style.look(1), key = "changed when this seed alone changes" },
      { spans = alone, look = style.look(2), key = "removed when this seed alone is fixed" },
    },
  }
end

-- Whether changing a seed changed the number in every role.
local function differ(pairs)
  for _, role in ipairs(variance.ROLES) do
    local different = role == "b"
    for _, p in ipairs(pairs) do different = different or p[role] and p[role] ~= p.b end
    if not different then return false end
  end
  return true
end

function figure.sheets(ctx, options)
  local pairs = pairs_of(ctx, options.metric)
  if #pairs < 3 then
    ctx.note("fewer than three seeds have a run in every role; nothing to draw")
    return {}
  end
  local panels, shares = { source_panel(sources(pairs), options.metric) }, {}
  local gaps = pairs_of(ctx, options.gaps_metric)
  if #options.gaps > 0 and #gaps > 2 and ctx.runs[1].params.data == options.gaps_data then
    panels[2] = gap_panel(options.gaps, variance.estimate("luck", gaps))
  elseif #options.gaps > 0 then
    ctx.note("the published gaps are of " .. options.gaps_data .. "; left out")
  end
  for _, metric in ipairs(options.shares) do
    local own = pairs_of(ctx, metric)
    if #own > 2 and differ(own) then
      shares[#shares + 1] = share_panel(own, metric)
    else
      ctx.note(metric .. " does not change with every seed; left out")
    end
  end
  local note = string.format("%d pairs of runs; lines: 95 %% intervals", #pairs)
  local sheets = { { title = "Where the luck is", note = note, panels = panels, columns = 1, width = 16 } }
  if #shares > 0 then
    sheets[2] = { title = "Which seed", note = note .. ", between 0 and 1", panels = shares, columns = 2,
      suffix = "-shares" }
  end
  return sheets
end

return figure
