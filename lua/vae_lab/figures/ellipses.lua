-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/ellipses.lua: where the encoder puts chosen images: q(z|x) of each as an ellipse in the plane, in the colour
-- of its class.
--
-- What it shows: with the KL term the ellipses fill the prior; without it they shrink to dots far apart.  The first
-- sheet has all configurations on ONE scale and, where that scale is much larger than the prior, below each the square
-- of the prior magnified.  Further sheets have one configuration each, on its own scale.

local plane = require "vae_lab.figures.common.plane"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local ellipses = {
  about = "posterior ellipses of chosen images in the latent plane",
  options = {
    digits = { type = "table" }, per_digit = { type = "integer", default = 6, min = 1 }, examples = { type = "table" },
    radius = { type = "number", default = 2, above = 0, max = 5 },
  },
}

local PRIOR = plane.PRIOR

function ellipses.remark(options, widths, data)
  if options.digits and not options.examples and data:classes() == 0 then
    return "lab.fig.ellipses chooses by digits =, and the data has no labels; examples = { 1, 2, … } chooses images "
      .. "by their numbers"
  end
  return records.needs_plane "ellipses" (options, widths)
end

-- The chosen ellipses of one run: the named examples, or the first per_digit of each chosen class.
local function choose(ctx, run, options)
  local wanted, count, chosen = nil, {}, {}
  if options.examples or options.digits then
    wanted = {}
    for _, v in ipairs(options.examples or options.digits) do wanted[v] = true end
  end
  for _, row in ipairs(records.ellipses(ctx, run)) do
    local class = row.label or -1
    if options.examples then
      if wanted[row.example] then chosen[#chosen + 1] = row end
    elseif not wanted or wanted[class] then
      count[class] = (count[class] or 0) + 1
      if count[class] <= options.per_digit then chosen[#chosen + 1] = row end
    end
  end
  return chosen
end

-- The square that holds these ellipses and the prior's.
local function square_of(sets, radius)
  local x1, x2, y1, y2 = -PRIOR, PRIOR, -PRIOR, PRIOR
  for _, rows in ipairs(sets) do
    for _, row in ipairs(rows) do
      local upright = row.angle > 45 and row.angle < 135 -- axes of q are those of the plane
      local rx, ry = radius * (upright and row.minor or row.major), radius * (upright and row.major or row.minor)
      x1, x2 = math.min(x1, row.mu1 - rx), math.max(x2, row.mu1 + rx)
      y1, y2 = math.min(y1, row.mu2 - ry), math.max(y2, row.mu2 + ry)
    end
  end
  local square = plane.square(x1, x2, y1, y2, 0.04)
  return square.half > 1.04 * PRIOR and square or { x = 0, y = 0, half = PRIOR }
end

-- gnuplot draws an ellipse of width 0, a code without noise, at a size of its own: this width is too small to see.
local function width(v) return math.max(v, 1e-9) end

-- The ellipses of each class, then a mark at each centre; the border keeps an ellipse that is smaller than the pen
-- visible as a dot.
local function panel_of(rows, square, radius, o)
  local series, classes, by_class = o.own_prior and {} or { plane.prior() }, plane.classes(rows)
  for _, class in ipairs(classes) do
    local look, key = plane.look(class)
    local shapes = {}
    for i, row in ipairs(by_class[class]) do
      shapes[i] = { row.mu1, row.mu2, width(2 * radius * row.major), width(2 * radius * row.minor), row.angle }
    end
    series[#series + 1] = { ellipses = shapes, look = look, fill = 0.22, key = key }
    series[#series + 1] = { points = shapes, look = look, size = o.size, key = key }
  end
  return plane.panel({ title = o.title, series = series }, square, { count = o.count })
end

local function around_prior()
  local corners = { { -PRIOR, -PRIOR }, { PRIOR, -PRIOR }, { PRIOR, PRIOR }, { -PRIOR, PRIOR }, { -PRIOR, -PRIOR } }
  return { line = corners, colour = style.ink, dash = "(3,4)", width = 1.6 }
end

local function inside(rows)
  local n = 0
  for _, row in ipairs(rows) do n = n + (math.abs(row.mu1) < PRIOR and math.abs(row.mu2) < PRIOR and 1 or 0) end
  return n
end

local function words(rows, radius)
  local labelled = rows[1].label ~= nil
  return string.format("%d %s", #rows, labelled and "images" or "examples"),
    string.format("each ellipse is one q(z|x), at %s standard deviation%s", style.number(radius),
      radius == 1 and "" or "s")
end

local function all(list, sets, radius)
  local what, note = words(sets[1], radius)
  local square, panels = square_of(sets, radius), {}
  local columns = #list <= 4 and #list or #list <= 6 and 3 or 4
  local standard = 0 -- configurations with the prior N(0, I), whose circles are drawn
  for _, c in ipairs(list) do standard = standard + (c.own_prior and 0 or 1) end
  local magnified = square.half > 1.6 * PRIOR and standard == #list
  for from = 1, #list, columns do
    local last = math.min(from + columns - 1, #list)
    for i = from, last do
      local look = { title = list[i].title, size = 0.45, count = 4, own_prior = list[i].own_prior }
      local p = panel_of(sets[i], square, radius, look)
      if magnified then table.insert(p.series, around_prior()) end
      panels[#panels + 1] = p
    end
    if magnified then
      while #panels % columns ~= 0 do panels[#panels + 1] = false end
      for i = from, last do
        local p = panel_of(sets[i], { x = 0, y = 0, half = PRIOR }, radius, { size = 0.45, count = 4 })
        p.frame, p.corner = "dotted", inside(sets[i]) .. " of " .. #sets[i]
        panels[#panels + 1] = p
      end
    end
  end
  if #list > 1 then note = note .. "; all on one scale" end
  if magnified then
    note = note
      .. "\nbelow each panel: its dotted square, which holds the prior, magnified; and how many centres are in it"
  end
  return {
    title = "Where the encoder puts " .. what, note = note, panels = panels, columns = columns, shared = true,
    seed = list[1].first, key = { standard > 0 and plane.prior_key or nil },
    largest = magnified and #list > columns and 3.4 or nil, -- the page stays shorter than a sheet of paper
  }
end

local SINGLE = 8.6 -- cm

local function single(c, rows, radius)
  local what, note = words(rows, radius)
  local square, small = square_of({ rows }, radius), 0
  local mark = 0.1 * 2 * square.half / SINGLE -- 1 mm
  for _, row in ipairs(rows) do small = small + (2 * radius * row.major < mark and 1 or 0) end
  if small > 0 then
    note = note .. string.format("\n%d of %d are smaller than the mark at their centre", small, #rows)
  end
  return {
    title = c.title .. ": where the encoder puts " .. what, note = note, width = 10, largest = SINGLE, seed = c.first,
    suffix = "-" .. c.slug, key = { not c.own_prior and plane.prior_key or nil },
    panels = { panel_of(rows, square, radius, { size = 0.6, count = 6, own_prior = c.own_prior }) },
  }
end

function ellipses.sheets(ctx, options)
  local list, sets = {}, {}
  for _, c in ipairs(records.planar(ctx)) do
    local rows = choose(ctx, c.first, options)
    if #rows > 0 then
      c.own_prior = records.own_prior(ctx, c.first)
      list[#list + 1], sets[#sets + 1] = c, rows
    else
      ctx.note("no posteriors of the chosen images are recorded for " .. c.label
        .. "; add lab.eval.latent_space() to the evaluations")
    end
  end
  if #list == 0 then return {} end
  local sheets = { all(list, sets, options.radius) }
  for i, c in ipairs(#list > 1 and list or {}) do sheets[#sheets + 1] = single(c, sets[i], options.radius) end
  return sheets
end

return ellipses
