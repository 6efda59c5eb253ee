-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/accuracy.lua: the accuracy of a classifier, and how often it is confident on real images.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local accuracy = {
  nodes = { "p.mean" }, labels = true,
  rules = { examples = common.whole(1, 2000), threshold = { type = "number", above = 0, below = 1, default = 0.5 } },
}

--- accuracy.best(probabilities, classes) → the greatest of the first `classes` entries of a list, and its position.
function accuracy.best(list, classes)
  local position = 1
  for i = 2, classes do
    if list[i] > list[position] then position = i end
  end
  return list[position], position
end

-- A distribution over the classes, or over the classes and "no image of this kind".
function accuracy.fits(widths, data)
  local width, classes = widths["p.mean"], data:classes()
  if width ~= classes and width ~= classes + 1 then
    check.fail {
      what = "lab.eval.accuracy needs a model that predicts classes",
      found = string.format("p = a distribution of %d features", width),
      expected = string.format(":categorical(y), %d classes", classes), hint = "or leave that evaluation out",
    }
  end
end

--- lab.eval.accuracy { examples = 2000, threshold = 0.5 }, for a model with p = a categorical distribution of y:
--   test/accuracy   share of test examples whose most probable class is the label
--   test/sure       share of test examples for which one class of the data has a probability of at least `threshold`
--   …_n             the number of examples of which they are shares
function accuracy.run(o, model, data, recorder)
  local request = common.request(data, "test", o)
  local p = model:map(common.with(request, { name = "p.mean" }))
  local right, confident, classes = 0, 0, data:classes()
  for i = 1, request.count do
    local most, class = accuracy.best(p:row(i), classes)
    if class == data:label("test", i) + 1 then right = right + 1 end
    if most >= o.threshold then confident = confident + 1 end
  end
  for name, count in pairs { accuracy = right, sure = confident } do
    common.record_share(recorder, "test/" .. name, count / request.count, request.count)
  end
end

return accuracy
