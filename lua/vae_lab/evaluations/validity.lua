-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/validity.lua: do draws from the prior decode to the same kind of images as codes of real images?  A small
-- classifier is trained, with the same engine, to distinguish the two.
--
-- This is a classifier two-sample test (Lopez-Paz and Oquab, arXiv 1610.06545).  Both samples are outputs of the same
-- decoder, so its blur makes no difference: the test is about the latent space.  One sample are means of p(x|z) for z ~
-- p(z), the other for z ~ q(z|x) of test images (reconstructions).  One half of each trains the classifier, the other
-- half is classified:
--
--   validity = share of the draws classified as reconstructions / share of the reconstructions classified as
--     reconstructions
--
-- 1: the two cannot be distinguished.  0: they always can: the prior's draws fall into holes, or onto a small part of
-- the region of the data.  Whether a draw is a clear digit is another question (lab.eval.clarity): a decoder may draw
-- clear digits in regions where no image was encoded.

local common = require "vae_lab.evaluations.common"
local array = require "vae_lab.native.array"
local stats = require "vae_lab.native.stats"

local validity = {
  nodes = { "z", "p.mean" },
  rules = { samples = common.whole(100, 2000), hidden = common.whole(1, 64), epochs = common.whole(1, 20),
    seed = common.whole(0, 1) },
}

local BATCH = 50

-- p(y = 1|x) of "x is a reconstruction", as a network over `width` features.
local function classifier_graph(width, hidden)
  local lab, build = require "vae_lab", require "vae_lab.build"
  local shape = { features = function() return width end, classes = function() return 1 end }
  local function model(_, x, y)
    local p = lab.mlp { x, hidden, act = "relu", init = "he", name = "judge" }:bernoulli(1)
    return { bound = p:log_prob(y), p = p }
  end
  return build.graph(model, {}, shape, { batch = BATCH, samples = 1 }).graph
end

-- Rows first … first + n - 1 of both samples: draws (y = 0) above reconstructions (y = 1).
local function labelled(draws, reconstructions, first, n)
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

-- The shares of rows 1 … n and of rows n + 1 … 2n that are classified as reconstructions.
local function shares_of_ones(p, n)
  local share = { 0, 0 }
  for i = 1, 2 * n do
    if p:get(i, 1) >= 0.5 then
      local half = i <= n and 1 or 2
      share[half] = share[half] + 1 / n
    end
  end
  return share[1], share[2]
end

--- validity.measure(model, data, z, o) → the validity of the latent points z, one for each of the first test examples,
-- and the accuracy of the classifier on the half that it was not trained with; o: hidden, epochs, seed.
function validity.measure(model, data, z, o)
  local fit = require("vae_lab.native.model").fit
  local count, n = z:rows(), z:rows() // 2
  local draws = model:map { name = "p.mean", feed = "z", values = z, count = count }
  local request = common.request(data, "test", { examples = count, seed = o.seed })
  local reconstructions = model:map(common.with(request, { name = "p.mean" }))
  local x, y = labelled(draws, reconstructions, 1, n)
  local classifier = fit {
    graph = classifier_graph(x:cols(), o.hidden), x = x, y = y, epochs = o.epochs, batch = math.min(BATCH, n),
    seed = o.seed,
  }
  local unseen = labelled(draws, reconstructions, n + 1, n)
  local wrong, right = shares_of_ones(classifier:map { name = "p.mean", feed = "x", values = unseen, count = 2 * n }, n)
  return right > 0 and math.min(1, wrong / right) or 0, (1 - wrong + right) / 2
end

--- lab.eval.validity { samples = 2000, hidden = 64, epochs = 20, seed = 1 }:
--   sample/validity    the share of decoded prior draws that a classifier takes for reconstructions, divided by the
--                      same share of reconstructions: 1 not distinguishable … 0 always distinguished
--   sample/told_apart  accuracy of that classifier on examples that it was not trained with: 1/2 … 1
function validity.run(o, model, data, recorder)
  local z = stats.normal(common.count(data, "test", o.samples), model:width("z"), o.seed, "validity")
  local share, accuracy = validity.measure(model, data, z, o)
  recorder:metric("sample/validity", share)
  recorder:metric("sample/told_apart", accuracy)
end

return validity
