-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/posteriors.lua: the true posterior p(z|x) of single images on a grid, for figures that compare it with
-- q(z|x).

local common = require "vae_lab.evaluations.common"
local array = require "vae_lab.native.array"

local posteriors = {
  prior = "density",
  nodes = { "z", "logjoint", "q.mu", "q.sigma" },
  rules = {
    examples = { type = "integer", min = 1, max = 100, default = 6 },
    grid = { type = "integer", min = 16, max = 400, default = 120 },
    seed = common.whole(0, 1),
  },
}

local CHUNK = 2048           -- points of one pass
local DEPTH = 6.9            -- the window shows what is within so many nats of the peak: 99.9 % of a Gaussian
local WIDTHS = 3             -- … and within so many standard deviations of q
local REACH = 6              -- the KL is an integral over so many standard deviations of q
local COARSE, FINE = 64, 96  -- cells a side: of the search for the window, of the integral

-- ---- a function of z on a grid --------------------------------------------------------------------------------------

-- The centres of n × n cells of a box { x1, x2, y1, y2 }, rows from below, as { z1, z2, z1, z2, … }.
local function centres(box, n)
  local list = {}
  for row = 1, n do
    local z2 = box[3] + (row - 0.5) / n * (box[4] - box[3])
    for column = 1, n do
      list[#list + 1] = box[1] + (column - 0.5) / n * (box[2] - box[1])
      list[#list + 1] = z2
    end
  end
  return list
end

-- log p(x, z) of one example at these points, in passes.
local function log_joint(model, request, points)
  local out = {}
  for first = 1, #points, 2 * CHUNK do
    local part = table.move(points, first, math.min(#points, first + 2 * CHUNK - 1), 1, {})
    local feed = { name = "logjoint", feed = "z", values = array.from { part }, samples = #part // 2 }
    local row = model:map(common.with(request, feed)):row(1)
    table.move(row, 1, #row, #out + 1, out)
  end
  return out
end

-- ---- one example ----------------------------------------------------------------------------------------------------

-- The smallest square around p(z|x), as found on a coarse grid over `box`, and q(z|x).
local function window(model, request, box, mu, sigma)
  local points = centres(box, COARSE)
  local values, peak = log_joint(model, request, points), -math.huge
  for _, v in ipairs(values) do peak = math.max(peak, v) end
  local low, high = {}, {}
  for j = 1, 2 do
    low[j], high[j] = mu[j] - WIDTHS * sigma[j], mu[j] + WIDTHS * sigma[j]
    local cell = (box[2 * j] - box[2 * j - 1]) / COARSE
    for i, v in ipairs(values) do
      if v > peak - DEPTH then
        low[j] = math.min(low[j], points[2 * i - 2 + j] - cell)
        high[j] = math.max(high[j], points[2 * i - 2 + j] + cell)
      end
    end
  end
  local x, y, half = (low[1] + high[1]) / 2, (low[2] + high[2]) / 2, math.max(high[1] - low[1], high[2] - low[2]) / 2
  return { x - half, x + half, y - half, y + half }
end

-- KL(q ‖ p(z|x)) = ∫ q (log q - log p(x, z)) + log p(x), by the midpoint rule over REACH standard deviations of q.
local function divergence(model, request, logp, mu, sigma)
  local points = centres({ -REACH, REACH, -REACH, REACH }, FINE)
  local z, cell = {}, (2 * REACH / FINE) ^ 2
  for i, e in ipairs(points) do
    local j = 2 - i % 2
    z[i] = mu[j] + sigma[j] * e
  end
  local sum, normal = 0, -math.log(2 * math.pi)
  for i, v in ipairs(log_joint(model, request, z)) do
    local logq = normal - 0.5 * (points[2 * i - 1] ^ 2 + points[2 * i] ^ 2)
    sum = sum + math.exp(logq) * cell * (logq - math.log(sigma[1] * sigma[2]) - v)
  end
  return sum + logp
end

-- ---- the evaluation -------------------------------------------------------------------------------------------------

--- posteriors.json_list(list) → the numbers as JSON, which has no word for what is not finite: null.
function posteriors.json_list(list)
  local out = {}
  for i, v in ipairs(list) do
    local finite = v == v and math.abs(v) ~= math.huge
    out[i] = not finite and "null" or math.type(v) == "integer" and tostring(v) or string.format("%.9g", v)
  end
  return "[" .. table.concat(out, ",") .. "]"
end

--- lab.eval.posteriors { examples = 6, grid = 120, seed = 1 }: the true posteriors of the first test examples, for z of
-- two dimensions (for another z nothing is recorded): the artifact "posteriors" of kind "grids", which
-- lab.fig.posteriors draws.  It is float32: for each example log p(z|x), nats, at the centres of grid × grid cells,
-- rows from below; then all x.  meta = { grid, width, height (0: no images), labels (-1: none), boxes (x1, x2, y1, y2
-- of each), mu, sigma (two of each), kl }.
--   posterior/kl   KL(q(z|x) ‖ p(z|x)) = log p(x) - ELBO, nats per example: by quadrature, mean over these examples
function posteriors.run(o, model, data, recorder)
  if model:width "z" ~= 2 then return end
  local request = common.request(data, "test", o)
  local mu, sigma = common.codes(model, request)
  local logp, _, found = model:quadrature(request)
  local bytes, boxes, kl, mus, sigmas = {}, {}, {}, {}, {}
  for i = 1, request.count do
    local one = common.with(request, { first = i, count = 1 })
    local m, s, p = mu:row(i), sigma:row(i), logp:get(i, 1)
    local box, grid = window(model, one, found:row(i), m, s), {}
    for at, v in ipairs(log_joint(model, one, centres(box, o.grid))) do grid[at] = v - p end
    bytes[i], kl[i] = array.from({ grid }):blob(), divergence(model, one, p, m, s)
    table.move(box, 1, 4, #boxes + 1, boxes)
    table.move(m, 1, 2, #mus + 1, mus)
    table.move(s, 1, 2, #sigmas + 1, sigmas)
  end
  recorder:metric("posterior/kl", (common.mean(kl)))
  bytes[#bytes + 1] = model:map(common.with(request, { name = "x" })):blob()
  local json = posteriors.json_list
  local image, labels = data:is_image(), common.labels_or_none(data, request.count)
  recorder:artifact("posteriors", "grids", table.concat(bytes), string.format(
    '{"grid":%d,"width":%d,"height":%d,"labels":%s,"boxes":%s,"mu":%s,"sigma":%s,"kl":%s}',
    o.grid, image and data:width() or 0, image and data:height() or 0,
    json(labels), json(boxes), json(mus), json(sigmas), json(kl)))
end

return posteriors
