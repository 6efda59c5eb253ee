-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/clarity.lua: do draws from the prior decode to images of one recognisable class?
--
-- Definition: a decoded image, the mean of p(x|z), is clear when the classifier of evaluations/classifier.lua gives one
-- class of the data a probability of at least `threshold`.  That classifier has one more class, for images on a wrong
-- background.  Limits: it recognises only the defects that it was trained on, and it sees means, not draws of pixels.
-- Hence two controls: the same share for reconstructions of test images (where the decoder was trained), and for real
-- test images (test/sure of the run "classifier").

local common = require "vae_lab.evaluations.common"
local accuracy = require "vae_lab.evaluations.accuracy"

local clarity = {
  prior = "draws",
  nodes = { "z", "p.mean" }, needs = { "classifier" },
  rules = {
    samples = common.whole(1, 2000), threshold = { type = "number", above = 0, below = 1, default = 0.5 },
    seed = common.whole(0, 1),
  },
}

-- How many of the images are clearly of each class: a list, and its sum.
local function count_clear(classifier, images, classes, threshold)
  local p = classifier:map { name = "p.mean", feed = "x", values = images, count = images:rows() }
  local counts, clear = {}, 0
  for class = 1, classes do counts[class] = 0 end
  for i = 1, images:rows() do
    local most, class = accuracy.best(p:row(i), classes)
    if most >= threshold then
      counts[class] = counts[class] + 1
      clear = clear + 1
    end
  end
  return counts, clear
end

-- exp H of the classes of the clear images: the effective number of classes; 0 without clear images.
local function perplexity(counts, clear)
  if clear == 0 then return 0 end
  local entropy = 0
  for _, n in ipairs(counts) do
    if n > 0 then entropy = entropy - n / clear * math.log(n / clear) end
  end
  return math.exp(entropy)
end

-- Σ_c min(share among the samples, share in the data): 1 - total variation, where unclear images have no class.
local function coverage(counts, samples, data)
  local of_data, examples, total = {}, data:count("test"), 0
  for i = 1, examples do
    local class = data:label("test", i) + 1
    of_data[class] = (of_data[class] or 0) + 1
  end
  for class, n in ipairs(counts) do total = total + math.min(n / samples, (of_data[class] or 0) / examples) end
  return total
end

--- lab.eval.clarity { samples = 2000, threshold = 0.5, seed = 1 }, for data with labels:
--   sample/clear             share of decoded prior draws that are clearly of one class
--   sample/classes           effective number of classes among these, exp of the entropy: 1 … number of classes; 0
--                            without any
--   sample/coverage          Σ over the classes of min(share of the draws, share of the test data): 1 where every draw
--                            is clear and the classes are as frequent as in the data, 0 where none is clear
--   reconstruction/clear     share of test images that are clearly of one class after encoding and decoding
--   …_n                      the number of images of which sample/clear and reconstruction/clear are shares
-- The decoder of an autoencoder may decode every prior draw to the same clear digit: sample/clear is then 1,
-- sample/coverage small.
function clarity.run(o, model, data, recorder, others)
  local function count(images) return count_clear(others.classifier, images, data:classes(), o.threshold) end

  local z = common.prior_draws(model, o.samples, 1, o.seed, "sample")
  local counts, clear = count(model:map { name = "p.mean", feed = "z", values = z, count = o.samples })
  common.record_share(recorder, "sample/clear", clear / o.samples, o.samples)
  recorder:metric("sample/classes", perplexity(counts, clear))
  recorder:metric("sample/coverage", coverage(counts, o.samples, data), "logit")

  local request = common.request(data, "test", { examples = o.samples, seed = o.seed })
  local _, clear_again = count(model:map(common.with(request, { name = "p.mean" })))
  common.record_share(recorder, "reconstruction/clear", clear_again / request.count, request.count)
end

return clarity
