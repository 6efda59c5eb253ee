-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/accuracy.lua: how good a classifier is, and how often it is sure of real images.

local check = require "vae_lab.check"
local common = require "vae_lab.evaluations.common"

local accuracy = {
  nodes = { "p.mean" }, labels = true,
  rules = {
    examples = { type = "integer", min = 1, default = 2000 }, threshold = { type = "number", above = 0, below = 1, default = 0.5 },
  },
}

--- accuracy.best(probabilities, classes) → the greatest among the first `classes` of a list, and its place.
function accuracy.best(list, classes)
  local place = 1
  for i = 2, classes do
    if list[i] > list[place] then place = i end
  end
  return list[place], place
end

-- A distribution over the classes, or over one more ("no image of the kind").
function accuracy.fits(widths, data)
  local width, classes = widths["p.mean"], data:classes()
  if width ~= classes and width ~= classes + 1 then
    check.fail {
      what = "lab.eval.accuracy is for a model that gives classes",
      found = string.format("p = a distribution of %d features", width),
      expected = string.format(":categorical(y), %d classes", classes), hint = "or leave that evaluation out",
    }
  end
end

--- lab.eval.accuracy { examples = 2000, threshold = 0.5 }, for a model with p = a categorical distribution of y:
-- test/accuracy, and test/sure, the share of real test images that one class of the data has at least probability `threshold` for.
function accuracy.run(o)
  return function(model, data, recorder)
    local count = common.count(data, "test", o.examples)
    local p = model:map { name = "p.mean", data = data, split = "test", first = 1, count = count }
    local right, sure, classes = 0, 0, data:classes()
    for i = 1, count do
      local most, class = accuracy.best(p:row(i), classes)
      if class == data:label("test", i) + 1 then right = right + 1 end
      if most >= o.threshold then sure = sure + 1 end
    end
    recorder:metric("test/accuracy", right / count)
    recorder:metric("test/sure", sure / count)
  end
end

return accuracy
