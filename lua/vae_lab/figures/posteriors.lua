-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/posteriors.lua: the true posterior p(z|x) of single images beside what the encoder makes of it, q(z|x).
--
-- What it tells: where the posterior is bent, tilted or in two parts, no ellipse along the axes is it, and KL(q ‖ p(z|x)), which stands
-- above each panel, is what the ELBO loses there.  Drawn are highest-density regions that hold 50 % and 95 %: of p(z|x) from its values
-- on a grid (lab.eval.posteriors), of q(z|x) its ellipses.  A page for each configuration with a z of two dimensions.

local check = require "vae_lab.check"
local contours = require "vae_lab.figures.common.contours"
local grid = require "vae_lab.figures.common.grid"
local Page = require "vae_lab.figures.common.page"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"
local tiles = require "vae_lab.figures.common.tiles"

local posteriors = {
  about = "true posteriors of single images beside the encoder's ellipses",
  options = { examples = { type = "integer", default = 6, min = 1, max = 12 } },
}

local TRUE, OURS = style.colours[1], style.colours[2]
local SHADES = "set palette positive defined (0 '#FFFFFF', 1 '#8FBFDF'); set cbrange [0:1]"
-- Shares of the mass, the pen for each, and the radius of a Gaussian's ellipse in the plane that holds it: sqrt(-2 log(1 - share)).
local regions = { { share = 0.5, pen = 2.4, radius = 1.17741002 }, { share = 0.95, pen = 1.4, radius = 2.44774683 } }

function posteriors.remark(_, widths) return records.no_plane("posteriors", widths) end

--- fits(models, evaluations), before any training: raises unless posteriors are recorded.
function posteriors.fits(_, evaluations)
  for _, evaluation in ipairs(evaluations) do
    if evaluation.name == "posteriors" then return end
  end
  check.fail { what = "lab.fig.posteriors needs what lab.eval.posteriors records", hint = "add lab.eval.posteriors() to evaluate" }
end

-- ---- what was recorded -----------------------------------------------------------------------------------------------------

-- → { n, width, height, { label, kl, mu, sigma, box, density, image }, … } of one run, or nil.
local function read(ctx, run, most)
  local row = ctx.db:query("SELECT meta, bytes FROM artifact WHERE run = ?1 AND name = 'posteriors'", run.id)[1]
  if not row or not row.meta then return nil end
  local function numbers(key)
    local list = {}
    for item in (row.meta:match('"' .. key .. '":%[?([^%]"}]*)') or ""):gmatch("[^,%s]+") do list[#list + 1] = tonumber(item) end
    return list
  end
  local n, kl, mu, sigma, boxes, labels = numbers("grid")[1], numbers "kl", numbers "mu", numbers "sigma", numbers "boxes", numbers "labels"
  local out, cells = { n = n, width = numbers("width")[1], height = numbers("height")[1] }, n * n * 4
  local images = tiles.split(row.bytes:sub(#kl * cells + 1), math.max(1, out.width * out.height))
  for i = 1, math.min(#kl, most) do
    local one = { label = labels[i], kl = kl[i], mu = { mu[2 * i - 1], mu[2 * i] }, sigma = { sigma[2 * i - 1], sigma[2 * i] }, density = {} }
    one.box = table.move(boxes, 4 * i - 3, 4 * i, 1, {})
    one.image = out.width > 0 and images[i] or nil
    local blob, peak = row.bytes:sub((i - 1) * cells + 1, i * cells), -math.huge
    for at = 1, n * n do
      one.density[at] = string.unpack("<f", blob, 4 * at - 3)
      peak = math.max(peak, one.density[at])
    end
    for at, v in ipairs(one.density) do one.density[at] = math.exp(v - peak) end
    out[i] = one
  end
  return out
end

-- ---- one panel -------------------------------------------------------------------------------------------------------------

local function axes(page, box, lowest, leftmost)
  page:addf("set xrange [%.9g:%.9g]; set yrange [%.9g:%.9g]", box[1], box[2], box[3], box[4])
  local step = grid.step(box[2] - box[1], 3)
  for j, axis in ipairs { "x", "y" } do
    local list, low, high = {}, box[2 * j - 1], box[2 * j]
    for k = math.ceil(low / step), math.floor(high / step) do list[#list + 1] = { k * step, style.number(k * step, 6) } end
    page:addf("set %stics nomirror %s offset %s", axis, grid.tics(list), j == 1 and "0,0.3" or "0.5,0")
  end
  if lowest then page:addf("set xlabel %s offset 0,1 font ',8'", style.text "z₁") else page:add "unset xlabel" end
  if leftmost then page:addf("set ylabel %s offset 2.2,0 font ',8'", style.text "z₂") else page:add "unset ylabel" end
end

-- The density's shade, the lines around its regions, q's ellipses and its mean.
local function draw(page, name, n, one)
  local parts = { page:field(name .. "_shade", one.density, n, one.box, SHADES) }
  local across = (one.box[2] - one.box[1]) / n
  for i, region in ipairs(regions) do
    local rows = {}
    for _, line in ipairs(contours.lines(one.density, n, contours.threshold(one.density, region.share))) do
      for _, p in ipairs(line) do rows[#rows + 1] = { one.box[1] + p[1] * across, one.box[3] + p[2] * across } end
      rows[#rows + 1] = {} -- an empty line ends a curve
    end
    rows[#rows] = nil
    if #rows > 0 then
      parts[#parts + 1] = string.format("%s using 1:2 with lines lw %g lc rgb '%s'", page:data(name .. "_p" .. i, rows), region.pen, TRUE)
    end
  end
  for i, region in ipairs(regions) do
    local file = page:data(name .. "_q" .. i,
      { { one.mu[1], one.mu[2], 2 * region.radius * one.sigma[1], 2 * region.radius * one.sigma[2], 0 } })
    parts[#parts + 1] = string.format("%s using 1:2:3:4:5 with ellipses units xy fillstyle empty border lc rgb '%s' lw %g dt %s", file, OURS,
      region.pen, style.dash(2))
  end
  parts[#parts + 1] = string.format("%s using 1:2 with points pt 7 ps 0.6 lc rgb '%s'", page:data(name .. "_mean", { one.mu }), OURS)
  page:plot(parts)
end

local function key()
  local entries = {}
  for _, who in ipairs { { "true posterior p(z|x)", TRUE, "solid" }, { "encoder's q(z|x)", OURS, style.dash(2) } } do
    for i, region in ipairs(regions) do
      local share = string.format("%g %%", 100 * region.share)
      entries[#entries + 1] = { text = i == 1 and who[1] .. ", " .. share or share, colour = who[2], dash = who[3], lw = region.pen }
    end
  end
  entries[#entries + 1] = { text = "its mean", colour = OURS, point = 7 }
  return entries
end

-- ---- the page --------------------------------------------------------------------------------------------------------------

local HEAD, PICTURE = 1.15, 0.9 -- cm above a panel for its image and words; the image's height

local function sheet(ctx, name, c, found)
  local title = "What the encoder makes of the true posterior" .. (c.title ~= "the model" and ": " .. c.title or "")
  local note = "regions of 50 % and 95 %; KL(q ‖ p(z|x)) = log p(x) − ELBO, nats; each on its own scale"
  local top, entries = Page.top { title = title, note = note }, key()
  local g = grid.squares(#found, 16, {
    columns = math.min(3, #found), left = 1.3, between = 1.1, above = HEAD, below = 0.75, top = top, largest = 6,
  })
  local page = Page.new { width = 16, height = top + g.height + 0.3 + Page.key_height(entries, 0.3) + Page.foot, title = title, note = note }
  page.source = records.source(ctx, "seed " .. tostring(c.first.seed))
  page:key(entries, 0.3, top + g.height + 0.3)
  local word = (c.first.data or ""):match "^digits" and "digit " or "class "
  for i, one in ipairs(found) do
    local x, y = g.place(i)
    local right, wide = x, one.image and PICTURE * found.width / found.height or 0
    if one.image then right = x + wide + 0.15 end
    local class = one.label >= 0 and word .. one.label or "example " .. i
    page:text(class, right, y - 0.72, { size = 9 })
    page:text("KL " .. style.number(one.kl, 2), right, y - 0.32, { size = 9 })
    page:panel { x = x, y = y, w = g.size, h = g.tall }
    axes(page, one.box, i > #found - g.columns, (i - 1) % g.columns == 0)
    draw(page, "e" .. i, found.n, one)
    if one.image then
      page:panel { x = x, y = y - 0.1 - PICTURE, w = wide, h = PICTURE }
      local part = page:image("x" .. i, one.image, found.width, found.height, records.strokes(one.image))
      page:bare()
      page:addf("set border 15 lw 0.6 lc rgb '%s'", style.faint)
      page:plot { part }
      page:frame()
    end
  end
  return page:render(ctx, name)
end

function posteriors.draw(ctx, options, name)
  local names, kept = {}, {}
  for _, c in ipairs(records.planar(ctx, name)) do
    local found = read(ctx, c.first, options.examples)
    if found then
      kept[#kept + 1] = { c, found }
    else
      ctx.note(name .. ": no posteriors on a grid are recorded for " .. c.label .. "; add lab.eval.posteriors() to the evaluations")
    end
  end
  for i, k in ipairs(kept) do names[i] = sheet(ctx, #kept == 1 and name or name .. "-" .. k[1].slug, k[1], k[2]) end
  return names
end

return posteriors
