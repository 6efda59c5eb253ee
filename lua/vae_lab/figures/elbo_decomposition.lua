-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/elbo_decomposition.lua: the KL term as a stack of its parts, mutual information, total correlation and
-- dimension-wise KL, one bar per value of a setting (from lab.eval.elbo_decomposition).
--
-- What it shows: how much of the KL is information about x, and how much is only q(z) differing from the prior.  The
-- dashed line is log N, the information of a code that identifies each of N examples.  Where the mutual information
-- reaches it, N examples cannot show more of it, and the rest is counted in the total correlation.

local axes = require "vae_lab.figures.common.axes"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local elbo_decomposition = {
  about = "the KL as mutual information, total correlation and dimension-wise KL, over a swept setting",
  options = {
    x = { type = "string", required = true },
    split = { type = "string", one_of = { "test", "train" }, default = "test" },
  },
}

-- From the bottom up; distinguished by their fill, not by colour alone.
local parts = {
  { metric = "mutual_information", text = "mutual information I(x; z)", fill = 0.9 },
  { metric = "total_correlation", text = "total correlation", fill = 0.55 },
  { metric = "dimension_kl", text = "dimension-wise KL", fill = 0.25 },
}

-- One panel: the bars of a group, on the axis x; `values` collects what the y axis must hold.
local function panel_of(ctx, group, split, x, values)
  local stacks, totals, log_n, seeds = { {}, {}, {} }, {}, nil, 1
  for _, p in ipairs(group.points) do
    local function summary(metric) -- "accounting" is the recorded name
      return records.summary(ctx, p.c, "accounting/" .. split .. "/" .. metric)
    end
    local kl, found, low = summary "kl", {}, 0
    for i, part in ipairs(parts) do found[i] = summary(part.metric) end
    if kl and #found == #parts then
      for i, s in ipairs(found) do
        table.insert(stacks[i], { p.x, low, low + s.mean })
        low = low + s.mean
      end
      totals[#totals + 1] = { p.x, kl.mean, kl.low, kl.high }
      axes.hold(values, kl)
      seeds, log_n = math.max(seeds, kl.seeds), log_n or (summary "log_examples" or {}).mean
    end
  end
  if #totals == 0 then return nil end
  local series = {}
  for i = #parts, 1, -1 do
    series[#series + 1] = { columns = stacks[i], colour = style.colour(i), fill = parts[i].fill, key = parts[i].text }
  end
  if totals[1][3] then
    series[#series + 1] = { intervals = totals, colour = style.ink, point = 7, size = 0.3, width = 1.6 }
  end
  if log_n then
    values[#values + 1] = log_n
    series[#series + 1] = {
      segments = { { -math.huge, log_n, math.huge, log_n } }, colour = style.ink, dash = style.dash(2), width = 1.8,
      key = string.format("log N = %s, the largest possible I", style.number(log_n)),
    }
  end
  return { title = group.title, x = x, grid = "y", series = series }, seeds
end

function elbo_decomposition.sheets(ctx, options)
  local groups, xs = records.groups(ctx, options.x)
  local words = style.setting(options.x)
  local panels, values, most, x = {}, { 0 }, 1, #xs > 0 and axes.places(xs, { even = true, title = words })
  for _, group in ipairs(groups) do
    local panel, seeds = panel_of(ctx, group, options.split, x, values)
    panels[#panels + 1] = panel
    most = math.max(most, seeds or 1)
  end
  if #panels == 0 then
    ctx.note("no parts of the KL are recorded (lab.eval.elbo_decomposition); nothing to draw")
    return {}
  end
  if #panels == 1 then panels[1].title = nil end
  for _, p in ipairs(panels) do p.y = axes.fit(values, { linear = true, floor = 0, count = 6 }) end
  return { {
    title = "The parts of the KL, by " .. words, panels = panels, columns = math.min(2, #panels),
    note = string.format("height: the KL to the prior, nats per example; q(z) over all %s examples; %s", options.split,
      records.over_seeds(most, " with its 95 % interval")),
  } }
end

return elbo_decomposition
