-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/compression.lua: how much of an image is lost when only its code is kept: the model beside principal components
-- of the same number.
--
-- Principal components are the best linear code there is: no other linear encoder and decoder of that width has a smaller mean
-- squared error on the examples that they are computed from (Eckart and Young 1936; Baldi and Hornik 1989 for networks).
-- Here they are those of the training split, applied, as the model is, to the test split.

local common = require "vae_lab.evaluations.common"

local compression = {
  nodes = { "z", "p.mean" },
  rules = {
    examples = { type = "integer", min = 1, default = 2000 }, store = { type = "integer", min = 0, default = 2000 },
    seed = { type = "integer", min = 0, default = 1 },
  },
}

--- lab.eval.compression { examples = 2000, store = 2000, seed = 1 }, for a model with z and p:
--   compression/mse   mean squared error per feature of test examples rebuilt from their mean codes (q's mean; z where there
--                     is no q), by the mean of p(x|z)
--   compression/pca   the same of as many principal components of the training split, which are computed exactly
-- The first `store` codes are kept, and where they are points of a plane those of principal components too: lab.fig.means.
function compression.run(o)
  return function(model, data, recorder)
    local stats = require "vae_lab.native.stats"
    local count = common.count(data, "test", o.examples)
    local x = data:rows("test", 1, count, o.seed)
    local mu, sigma = common.codes(model, { data = data, split = "test", first = 1, count = count, seed = o.seed })
    local again = model:map { name = "p.mean", feed = "z", values = mu, count = count }
    recorder:metric("compression/mse", stats.squared_error(x, again))

    local pca = stats.pca(data:rows("train", 1, data:count "train", o.seed), mu:cols())
    local scores = stats.pca_encode(pca, x)
    recorder:metric("compression/pca", stats.squared_error(x, stats.pca_decode(pca, scores)))

    common.keep(recorder, data, mu, sigma, math.min(o.store, count))
    if mu:cols() == 2 and o.store > 0 then
      recorder:artifact("codes/pca", "codes", scores:rows_of(common.first(math.min(o.store, count))):blob())
    end
  end
end

return compression
