-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/originals.lua: keeps some test images beside the run, so that figures need nothing but the database.

local common = require "vae_lab.evaluations.common"

local originals = {
  rules = { per_class = { type = "integer", min = 1, default = 5 }, among = { type = "integer", min = 1, default = 2000 } },
}

-- The first `per_class` examples of each class among the first `among`; without labels the first ten times as many.
local function choose(data, o)
  local among = common.count(data, "test", o.among)
  local labels, chosen, seen = common.labels(data, "test", among), {}, {}
  for i = 1, among do
    local class = labels and labels[i] or 0
    local most = labels and o.per_class or 10 * o.per_class
    seen[class] = (seen[class] or 0) + 1
    if seen[class] <= most then chosen[#chosen + 1] = i end
  end
  return chosen, labels
end

--- originals.store(data, recorder, o), data with grey pixels: the artifact "originals" of kind "images": float32 values in
-- [0, 1], image after image; meta = { count, width, height, examples (from 1), labels (-1: none) }.
function originals.store(data, recorder, o)
  local chosen, labels = choose(data, o)
  local own = {}
  for i, example in ipairs(chosen) do own[i] = labels and labels[example] or -1 end
  local meta = string.format('{"count":%d,"width":%d,"height":%d,"examples":[%s],"labels":[%s]}', #chosen,
    data:width(), data:height(),
    table.concat(chosen, ","), table.concat(own, ","))
  recorder:artifact("originals", "images", data:rows("test", chosen):blob(), meta)
end

--- lab.eval.originals { per_class = 5, among = 2000 }: test images for figures; done by lab.eval.latent_space too.
function originals.run(o)
  return function(_, data, recorder, others)
    if data:is_image() then originals.store(others.pixels "grey", recorder, o) end
  end
end

return originals
