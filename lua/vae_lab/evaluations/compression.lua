-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/compression.lua: the error of images that are rebuilt from their codes alone, for the model and for
-- principal components of the same number.
--
-- No linear encoder and decoder of that width has a smaller mean squared error on the examples from which the principal
-- components are computed (Eckart and Young 1936; Baldi and Hornik 1989 for networks).  Here these are the training
-- examples; both codes are evaluated on the test examples.

local common = require "vae_lab.evaluations.common"
local stats = require "vae_lab.native.stats"

local compression = {
  nodes = { "z", "p.mean" }, rules = { examples = common.whole(1, 2000), store = common.whole(0, 2000),
    seed = common.whole(0, 1) },
}

--- lab.eval.compression { examples = 2000, store = 2000, seed = 1 }, for a model with z and p:
--   compression/mse   mean squared error per feature of test examples, rebuilt as the mean of p(x|z) at their mean
--                     codes (the mean of q; z where there is no q)
--   compression/pca   the same with as many principal components of the training split, computed exactly
-- The first `store` codes are recorded, and for two-dimensional z those of the principal components too: lab.fig.means
-- draws them.
function compression.run(o, model, data, recorder)
  local request = common.request(data, "test", o)
  local x = data:rows("test", 1, request.count, o.seed)
  local mu, sigma = common.codes(model, request)
  local rebuilt = model:map { name = "p.mean", feed = "z", values = mu, count = request.count }
  recorder:metric("compression/mse", stats.squared_error(x, rebuilt), "log")

  local pca = stats.pca(data:rows("train", 1, data:count "train", o.seed), mu:cols())
  local scores = stats.pca_encode(pca, x)
  recorder:metric("compression/pca", stats.squared_error(x, stats.pca_decode(pca, scores)), "log")

  local stored = math.min(o.store, request.count)
  common.record_posteriors(recorder, data, mu, sigma, stored)
  if mu:cols() == 2 and stored > 0 then
    recorder:artifact("codes/pca", "codes", scores:rows_of(common.first(stored)):blob())
  end
end

return compression
