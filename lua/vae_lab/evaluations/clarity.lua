-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/clarity.lua: do draws from the prior decode to one clear class?  Judged by a classifier that knows doubt.
--
-- Definition: a decoded image, the mean of p(x|z), is clear when the classifier (evaluations/classifier.lua) gives one class
-- of the data a probability of at least `threshold`; what is on a wrong ground has a class of its own there.  What that judge
-- cannot see: whatever it was never shown; and it judges means, not draws of pixels.  So two controls are recorded:
-- the same share for reconstructions of test images (the decoder where it was trained), and for real test images
-- (test/sure of the run "classifier").

local common = require "vae_lab.evaluations.common"
local accuracy = require "vae_lab.evaluations.accuracy"

local clarity = {
  nodes = { "z", "p.mean" },
  rules = {
    samples = { type = "integer", min = 1, default = 2000 }, threshold = { type = "number", above = 0, below = 1, default = 0.5 },
    seed = { type = "integer", min = 0, default = 1 },
  },
  needs = { "classifier" },
}

-- How many of the images are clearly of each class: a list, and their sum.
local function judge(classifier, images, classes, sure)
  local p = classifier:map { name = "p.mean", feed = "x", values = images, count = images:rows() }
  local counts, valid = {}, 0
  for class = 1, classes do counts[class] = 0 end
  for i = 1, images:rows() do
    local most, class = accuracy.best(p:row(i), classes)
    if most >= sure then
      counts[class] = counts[class] + 1
      valid = valid + 1
    end
  end
  return counts, valid
end

-- exp H: over how many classes they are spread; 0 for none.
local function perplexity(counts, valid)
  if valid == 0 then return 0 end
  local entropy = 0
  for _, n in ipairs(counts) do
    if n > 0 then entropy = entropy - n / valid * math.log(n / valid) end
  end
  return math.exp(entropy)
end

-- Σ_c min(share among the samples, share in the data): 1 minus the total variation, an unclear image being of no class.
local function coverage(counts, samples, data)
  local own, there, total = {}, data:count("test"), 0
  for i = 1, there do
    local class = data:label("test", i) + 1
    own[class] = (own[class] or 0) + 1
  end
  for class, n in ipairs(counts) do total = total + math.min(n / samples, (own[class] or 0) / there) end
  return total
end

--- lab.eval.clarity { samples = 2000, threshold = 0.5, seed = 1 }, for data with labels:
--   sample/clear             share of decoded prior draws that are clearly of one class
--   sample/classes           over how many classes these are spread, exp of the entropy: 1 … number of classes, 0 for none
--   sample/coverage          both in one number: Σ over the classes of min(share of the draws, share of the test data);
--                            1 when every draw is clear and the classes are as frequent as in the data, 0 when none is clear
--   reconstruction/clear     the share of test images that are clearly of one class once encoded and decoded
-- An autoencoder's decoder may draw one clear digit at every prior draw: all clear, hardly any coverage.
function clarity.run(o)
  return function(model, data, recorder, others)
    local stats = require "vae_lab.native.stats"
    local function count(images) return judge(others.classifier, images, data:classes(), o.threshold) end

    local z = stats.normal(o.samples, model:width("z"), o.seed, "sample")
    local counts, clear = count(model:map { name = "p.mean", feed = "z", values = z, count = o.samples })
    recorder:metric("sample/clear", clear / o.samples)
    recorder:metric("sample/classes", perplexity(counts, clear))
    recorder:metric("sample/coverage", coverage(counts, o.samples, data))

    local examples = common.count(data, "test", o.samples)
    local ask = { name = "p.mean", data = data, split = "test", first = 1, count = examples, seed = o.seed }
    local _, again = count(model:map(ask))
    recorder:metric("reconstruction/clear", again / examples)
  end
end

return clarity
