-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/originals.lua: records some test images with the run, so that figures need nothing but the database.

local common = require "vae_lab.evaluations.common"

local originals = { rules = { per_class = common.whole(1, 5), among = common.whole(1, 2000) } }

-- The first `per_class` examples of each class among the first `among`; without labels ten times as many examples.
local function choose(data, o)
  local among = common.count(data, "test", o.among)
  local labels, chosen, own, seen = common.labels(data, "test", among), {}, {}, {}
  for i = 1, among do
    local class = labels and labels[i] or -1
    seen[class] = (seen[class] or 0) + 1
    if seen[class] <= (labels and 1 or 10) * o.per_class then
      chosen[#chosen + 1], own[#own + 1] = i, class
    end
  end
  return chosen, own
end

--- originals.store(data, recorder, o), data with grey pixels: the artifact "originals" of kind "images": float32 values
-- in [0, 1], image after image; meta = { count, width, height, examples (from 1), labels (-1: none) }.
function originals.store(data, recorder, o)
  local chosen, labels = choose(data, o)
  local meta = string.format('{"count":%d,"width":%d,"height":%d,"examples":[%s],"labels":[%s]}',
    #chosen, data:width(), data:height(), table.concat(chosen, ","), table.concat(labels, ","))
  recorder:artifact("originals", "images", data:rows("test", chosen):blob(), meta)
end

--- originals.store_with_codes(o, data, recorder, others, mu, sigma): records the first o.store codes N(mu, sigma²) of
-- test examples and, where the data are images, the first o.per_class images of each class among them.
function originals.store_with_codes(o, data, recorder, others, mu, sigma)
  local stored = math.min(o.store, mu:rows())
  common.record_posteriors(recorder, data, mu, sigma, stored)
  if stored > 0 and data:is_image() then
    originals.store(others.pixels "grey", recorder, { per_class = o.per_class, among = stored })
  end
end

--- lab.eval.originals { per_class = 5, among = 2000 }: records test images for figures: the first `per_class` of each
-- class among the first `among`.  lab.eval.latent_space and lab.eval.properties do it too.
function originals.run(o, _, data, recorder, others)
  if data:is_image() then originals.store(others.pixels "grey", recorder, o) end
end

return originals
