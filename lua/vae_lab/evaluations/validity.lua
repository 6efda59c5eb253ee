-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/validity.lua: are draws from the prior decoded to what images are decoded to?  Judged by a small classifier
-- that is trained, with the same engine, to tell the two apart.
--
-- A classifier two-sample test (Lopez-Paz and Oquab, arXiv 1610.06545).  Both samples come out of the same decoder, so its
-- blur counts for neither: what is judged is the latent space.  One sample are means of p(x|z) for z ~ p(z), the other for z ~ q(z|x)
-- of test images.  Half of each trains the classifier, the other half is judged:
--
--   validity = share of the draws taken for reconstructions / share of the reconstructions taken for reconstructions
--
-- 1 where the two cannot be told apart (each is taken for a reconstruction as often), 0 where they always can: the prior
-- falls into holes, or on a small part of what the data fill.  Whether a draw is a clear digit is another question, with
-- another answer (lab.eval.clarity): a decoder may well draw a clear digit where no image was ever encoded.

local common = require "vae_lab.evaluations.common"

local validity = {
  nodes = { "z", "p.mean" },
  rules = {
    samples = { type = "integer", min = 100, default = 2000 }, hidden = { type = "integer", min = 1, default = 64 },
    epochs = { type = "integer", min = 1, default = 20 }, seed = { type = "integer", min = 0, default = 1 },
  },
}

local BATCH = 50

-- p(y = 1|x) of "x is a reconstruction", as a network over `width` features.
local function judge_graph(width, hidden)
  local lab = require "vae_lab"
  local build = require "vae_lab.build"
  local shape = { features = function() return width end, classes = function() return 1 end }
  local function model(_, x, y)
    local p = lab.mlp { x, hidden, act = "relu", init = "he", name = "judge" }:bernoulli(1)
    return { bound = p:log_prob(y), p = p }
  end
  return build.graph(model, {}, shape, { batch = BATCH, samples = 1 }).graph
end

-- Rows first … first + n - 1 of both: draws (y = 0) above reconstructions (y = 1).
local function both(draws, reconstructions, first, n)
  local array = require "vae_lab.native.array"
  local x, y = array.new(2 * n, draws:cols()), array.new(2 * n, 1)
  for i = 1, n do
    for half, from in ipairs { draws, reconstructions } do
      local row = (half - 1) * n + i
      for j, v in ipairs(from:row(first + i - 1)) do x:set(row, j, v) end
      y:set(row, 1, half - 1)
    end
  end
  return x, y
end

-- Shares of rows 1 … n and n + 1 … 2n that are taken for reconstructions.
local function taken(p, n)
  local share = { 0, 0 }
  for i = 1, 2 * n do
    if p:get(i, 1) >= 0.5 then
      local half = i <= n and 1 or 2
      share[half] = share[half] + 1 / n
    end
  end
  return share[1], share[2]
end

--- validity.judge(model, data, z, o) → validity, told_apart (below) of what the latent points z, one for each of the first test
-- examples, decode to; o: hidden, epochs, seed.
function validity.judge(model, data, z, o)
  local fit = require("vae_lab.native.model").fit
  local count, n = z:rows(), z:rows() // 2
  local draws = model:map { name = "p.mean", feed = "z", values = z, count = count }
  local again = model:map { name = "p.mean", data = data, split = "test", first = 1, count = count, seed = o.seed }
  local x, y = both(draws, again, 1, n)
  local judge = fit { graph = judge_graph(x:cols(), o.hidden), x = x, y = y, epochs = o.epochs, batch = math.min(BATCH, n), seed = o.seed }

  local unseen = both(draws, again, n + 1, n)
  local mistaken, right = taken(judge:map { name = "p.mean", feed = "x", values = unseen, count = 2 * n }, n)
  return right > 0 and math.min(1, mistaken / right) or 0, (1 - mistaken + right) / 2
end

--- lab.eval.validity { samples = 2000, hidden = 64, epochs = 20, seed = 1 }:
--   sample/validity   how often a decoded prior draw is taken for the decoding of an image, as a share of how often the
--                     decoding of an image is: 1 cannot be told apart … 0 always can
--   sample/told_apart the judge's share of right answers on what it was not trained with: 1/2 … 1
function validity.run(o)
  return function(model, data, recorder)
    local stats = require "vae_lab.native.stats"
    local z = stats.normal(common.count(data, "test", o.samples), model:width("z"), o.seed, "validity")
    local share, told_apart = validity.judge(model, data, z, o)
    recorder:metric("sample/validity", share)
    recorder:metric("sample/told_apart", told_apart)
  end
end

return validity
