-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/validity.lua: do draws from the prior decode to something?  Judged by a classifier that knows doubt.
--
-- Definition: a decoded image, the mean of p(x|z), is valid when the classifier (evaluations/classifier.lua) gives one class
-- a probability of at least `sure`.  What it cannot see: an image that is far from any data and still looks like a digit to
-- the classifier; and it judges means, not draws of pixels.  So two controls are recorded: the same share for
-- reconstructions of test images through q's own draws (the decoder where it was trained), and the classifier's own share
-- for real test images (test/sure of the run "classifier").

local common = require "vae_lab.evaluations.common"
local accuracy = require "vae_lab.evaluations.accuracy"

local validity = {
  rules = {
    samples = { type = "integer", min = 1, default = 2000 }, sure = { type = "number", above = 0, below = 1, default = 0.9 },
    seed = { type = "integer", min = 0, default = 1 },
  },
  needs = { "classifier" },
}

-- Share of images that are clearly one class, and the perplexity of the classes over all images: exp H(mean p(y|x)).
local function judge(classifier, images, sure)
  local count = images:rows()
  local p = classifier:map { name = "p.mean", fed = "x", values = images, count = count }
  local valid, mean = 0, {}
  for i = 1, count do
    local row = p:row(i)
    if accuracy.best(row) >= sure then valid = valid + 1 end
    for c, share in ipairs(row) do mean[c] = (mean[c] or 0) + share / count end
  end
  local entropy = 0
  for _, share in ipairs(mean) do
    if share > 0 then entropy = entropy - share * math.log(share) end
  end
  return valid / count, math.exp(entropy)
end

--- lab.eval.validity { samples = 2000, sure = 0.9, seed = 1 }: for data with labels;
--   sample/validity          share of decoded prior draws that are clearly one digit
--   sample/classes           how many classes they are spread over, exp of the entropy: 1 … number of classes
--   reconstruction/validity  the same share for test images through encoder and decoder: what this decoder can do
function validity.run(o)
  return function(model, data, recorder, others)
    common.needs(model, "validity", "z", "p.mean")
    local stats = require "vae_lab.native.stats"
    local z = stats.normal(o.samples, model:width("z"), o.seed, "validity")
    local images = model:map { name = "p.mean", fed = "z", values = z, count = o.samples }
    local share, classes = judge(others.classifier, images, o.sure)
    recorder:metric("sample/validity", share)
    recorder:metric("sample/classes", classes)
    local count = common.count(data, "test", o.samples)
    local again = model:map { name = "p.mean", data = data, split = "test", first = 1, count = count, seed = o.seed }
    recorder:metric("reconstruction/validity", (judge(others.classifier, again, o.sure)))
  end
end

return validity
