-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/validity.lua: do draws from the prior decode to the same kind of images as codes of real images?  Small
-- classifiers, the judges, are trained with the same engine to distinguish the two.
--
-- This is a classifier two-sample test (Lopez-Paz and Oquab, arXiv 1610.06545).  Both samples are outputs of the same
-- decoder, so its blur makes no difference: the test is about the latent space.  One sample are means of p(x|z) for z ~
-- p(z), the other for z ~ q(z|x) of test images (reconstructions).
--
-- Definition: the AUC, the probability that a judge gives a reconstruction a higher score than a draw.  1/2: the judge
-- cannot tell the two apart, whatever its scores are.  1: it always can: the prior's draws fall into holes, or onto a
-- small part of the region of the data, or the reconstructions do.
--
-- Every judge halves both samples at random; it is trained on one half and scores the other, then anew the other way
-- round, so that every image is scored by a judge that has not seen it.  The AUC is the mean over both halves and over
-- all judges, which differ in the halves, the initial weights and the order of their minibatches.
--
-- The standard error is sqrt(D + max(D, S / judges)).  D is the variance that the images give the AUC, by DeLong's
-- placements (stats.placements), the mean of each image's over the judges.  S is the variance of the AUC between judges.
-- D counts twice, since halves are not independent where there is nothing to find: what a judge learns is then the noise
-- of one half, x, and it is tested on that of the other, y, from which the other one learns.  Both find x · y, one number
-- in place of two, so that a pair of images has twice the variance which the placements show.  Where there is something
-- to find the second D is too much, and the error too large by at most a factor of 1.4.  Measured with 500 images of
-- four models and two samples of prior draws, 150 times each: intervals of 1.96 standard errors hold 1/2 in 94.7 to
-- 97.3 % (D once: 77 to 85 %).
--
-- A model that is not trained is near 1/2 as far as its q(z|x) is near the prior: with Glorot's initial weights and a KL
-- of 0.3 nats the AUC was 0.57.
--
-- Whether a draw is a clear digit is another question (lab.eval.clarity): a decoder may draw clear digits in regions
-- where no image was encoded.

local common = require "vae_lab.evaluations.common"
local array = require "vae_lab.native.array"
local stats = require "vae_lab.native.stats"

local whole = common.whole
local validity = {
  prior = "draws", nodes = { "z", "p.mean" }, version = 3,
  judge = { judges = whole(1, 5), hidden = whole(1, 32), epochs = whole(1, 12) },
}
validity.rules = common.with(validity.judge, { samples = whole(100, 2000), seed = whole(0, 1) })

local BATCH = 50

-- p(y = 1|x) of "x is a reconstruction", as a network over `width` features.
local function judge_graph(width, hidden)
  local lab, build = require "vae_lab", require "vae_lab.build"
  local shape = { features = function() return width end, classes = function() return 1 end }
  local function model(_, x, y)
    local p = lab.mlp { x, hidden, act = "relu", init = "he", name = "judge" }:bernoulli(1)
    return { bound = p:log_prob(y), p = p }
  end
  return build.graph(model, {}, shape, { batch = BATCH, samples = 1 }).graph
end

-- The numbers 1 … n in a random order, and then the same for the other sample.
local function shuffled(n, seed)
  local keys, orders = stats.uniform(2, n, seed, "halves"), {}
  for sample = 1, 2 do
    local key = keys:row(sample)
    orders[sample] = common.first(n)
    table.sort(orders[sample], function(a, b) return key[a] < key[b] or key[a] == key[b] and a < b end)
  end
  return orders
end

-- One half of both samples: its images, targets and rows.  images: n draws, then n reconstructions.
local function half_of(images, orders, from, to)
  local n, rows, targets = images:rows() // 2, {}, {}
  for sample = 1, 2 do
    for i = from, to do
      rows[#rows + 1], targets[#targets + 1] = (sample - 1) * n + orders[sample][i], { sample - 1 }
    end
  end
  return { x = images:rows_of(rows), y = array.from(targets), rows = rows }
end

-- Trains a judge on one half, and adds the placements of the other half's images, by their rows.
local function add_placements(placements, graph, seen, unseen, o, seed)
  local judge = require("vae_lab.native.model").fit {
    graph = graph, x = seen.x, y = seen.y, epochs = o.epochs, batch = math.min(BATCH, seen.x:rows()), seed = seed,
  }
  local scores = judge:map { name = "p.logits", feed = "x", values = unseen.x, count = unseen.x:rows() }:column(1)
  local n = #scores // 2
  local found = { stats.placements(table.move(scores, 1, n, 1, {}), table.move(scores, n + 1, 2 * n, 1, {})) }
  for sample, list in ipairs(found) do
    for i, v in ipairs(list) do
      local row = unseen.rows[(sample - 1) * n + i]
      placements[row] = placements[row] + v
    end
  end
  return stats.mean(found[1])
end

-- The variance that the images give the AUC: placements are sums over the judges, of draws and then of reconstructions.
local function variance_of(placements, judges)
  local samples, n = { {}, {} }, #placements // 2
  for row, sum in ipairs(placements) do table.insert(samples[row <= n and 1 or 2], sum / judges) end
  return stats.placement_variance(samples[1]) + stats.placement_variance(samples[2])
end

--- validity.compare(images, o) → the AUC of judges of the first half of the rows against the second, and its standard
-- error; o: judges, hidden, epochs, seed.
function validity.compare(images, o)
  local n, graph = images:rows() // 2, judge_graph(images:cols(), o.hidden)
  local found, placements = {}, {}
  for row = 1, 2 * n do placements[row] = 0 end
  for judge = 1, o.judges do
    local seed = stats.derived_seed(o.seed, "judge " .. judge)
    local orders = shuffled(n, seed)
    local halves = { half_of(images, orders, 1, n // 2), half_of(images, orders, n // 2 + 1, n) }
    local first = add_placements(placements, graph, halves[1], halves[2], o, seed)
    local second = add_placements(placements, graph, halves[2], halves[1], o, seed + 1)
    found[judge] = (first + second) / 2
  end
  local auc, se = common.mean(found) -- se² is the variance between judges, divided by their number; of one NaN
  local variance, between = variance_of(placements, o.judges), o.judges > 1 and se ^ 2 or 0
  return auc, math.sqrt(variance + math.max(variance, between))
end

--- validity.measure(model, data, z, o) → the AUC of the latent points z, one for each of the first test examples, and
-- its standard error; o: judges, hidden, epochs, seed.
function validity.measure(model, data, z, o)
  local request = common.with(common.request(data, "test", { examples = z:rows(), seed = o.seed }), { name = "p.mean" })
  local draws = model:map(common.with(request, { feed = "z", values = z }))
  local reconstructions = model:map(request)
  return validity.compare(array.from_blob(draws:blob() .. reconstructions:blob(), draws:cols()), o)
end

--- lab.eval.validity { samples = 2000, judges = 5, hidden = 32, epochs = 12, seed = 1 }:
--   sample/auc      the probability that a judge, a small classifier, gives a reconstruction a higher score than a
--                   decoded draw of the prior: 1/2 not distinguishable … 1 always distinguished.  A judge that has not
--                   learnt enough cannot tell: hence a lower bound of what the best judge reaches, in expectation
--   sample/auc_se   its standard error, over images and judges
function validity.run(o, model, data, recorder)
  local n = common.count(data, "test", o.samples)
  local z = common.prior_draws(model, n, 1, o.seed, "validity", common.request(data, "test", { examples = n }))
  local auc, se = validity.measure(model, data, z, o)
  recorder:metric("sample/auc", auc, "logit")
  recorder:metric("sample/auc_se", se)
end

return validity
