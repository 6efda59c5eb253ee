-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- latent_space.lua: four properties of a good latent space, and which model has which.  The four models differ in two
-- things: whether the code is noisy, and the weight of the KL term.
--
--                                                          noise   beta
--     autoencoder        z = f(x)                          no      -
--     VAE without KL     z = mu + sigma · eps              yes     0
--     VAE                with the KL to N(0, I)            yes     1
--     beta-VAE           with four times the KL            yes     4
--
-- The claim (evaluations/properties.lua defines the numbers):
--   1. similar images have neighbouring codes: in all four models, a code of two numbers is enough;
--   2. every point decodes to an image: draws from the prior only with the KL term; and even draws among its own codes
--      are less like images for an autoencoder than for a VAE;
--   3. classes are neither far apart nor on top of each other: without the KL term ellipses of different classes do not
--      overlap; with it they do, and more for a larger weight;
--   4. a class is connected, but not a point: without the KL term the images of a class share no codes; with it they
--      do, and no unit is switched off.

local lab = require "vae_lab"

local autoencoder = { noise = false, beta = 0 }
local function noisy(beta) return { noise = true, beta = beta } end

local OLDER = "the band of an older measure, kept when AUCs had been seen"

return lab.experiment {
  name     = "latent_space",
  question = "What is a good latent space, and which model has one?",

  settings = { latent = 2, hidden = 200 },
  sweep    = {
    { noise = { false }, beta = { 0 }, seed = { 1, 2, 3 } },
    { noise = { true }, beta = { 0, 1, 4 }, seed = { 1, 2, 3 } },
  },

  model = function(run, x)
    local net = lab.mlp { x, run.hidden, act = "tanh" }
    if not run.noise then
      local z  = net:linear(run.latent)                                                  -- z = f(x)
      local px = lab.mlp { z, run.hidden, act = "tanh", name = "decoder" }:bernoulli(x)
      return { bound = px:log_prob(x), p = px, z = z }
    end
    local q  = net:normal(run.latent)                                                    -- z = mu + sigma · eps
    local z  = q:sample()
    local px = lab.mlp { z, run.hidden, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,

  evaluate = { lab.eval.properties(), lab.eval.validity() },
  figures  = {
    lab.fig.bars {
      name = "properties",
      metrics = { "property/order", "property/neighbours", "sample/auc", "property/auc", "property/apart",
        "property/overlap",
        "property/grain", "property/within" },
    },
    lab.fig.ellipses { digits = { 0, 1, 2, 3, 4 } }, lab.fig.means(), lab.fig.manifold(), lab.fig.samples(),
  },

  -- Bands from reasoning, before any run: chance is 0 for the order, and 0.1 for the neighbours of ten classes; the
  -- bands of the holes, of the overlap at beta = 0 and 1, and of the AUC are those of kl_ablation.
  claims = {
    lab.claim { "1. similar images have neighbouring codes in an autoencoder", metric = "property/order",
      where = autoencoder, at_least = 0.2 },
    lab.claim { "1. similar images have neighbouring codes in a VAE without KL", metric = "property/order",
      where = noisy(0), at_least = 0.2 },
    lab.claim { "1. similar images have neighbouring codes in a VAE", metric = "property/order", where = noisy(1),
      at_least = 0.2 },
    lab.claim { "1. similar images have neighbouring codes in a beta-VAE", metric = "property/order", where = noisy(4),
      at_least = 0.2 },
    lab.claim { "1. neighbours are of the same class far more often than by chance, in an autoencoder",
      metric = "property/neighbours", where = autoencoder, at_least = 0.4 },
    lab.claim { "1. neighbours are of the same class far more often than by chance, in a VAE",
      metric = "property/neighbours", where = noisy(1), at_least = 0.4 },
    lab.claim { "2. draws from the prior look more like images in a VAE than in an autoencoder",
      metric = "sample/auc", where = noisy(1), minus = autoencoder, at_most = -0.1, post_hoc = OLDER },
    lab.claim { "2. draws from the prior look more like images in a VAE than in a VAE without KL",
      metric = "sample/auc", where = noisy(1), minus = noisy(0), at_most = -0.1, post_hoc = OLDER },
    lab.claim { "2. a VAE's space between the codes decodes to images more often than an autoencoder's",
      metric = "property/auc", where = noisy(1), minus = autoencoder, at_most = 0, post_hoc = OLDER },
    lab.claim { "2. without KL nearly all of the prior is in holes", metric = "property/holes", where = noisy(0),
      at_least = 0.9 },
    lab.claim { "2. with the KL little of the prior is in holes", metric = "property/holes", where = noisy(1),
      at_most = 0.2 },
    lab.claim { "2. at beta = 4 little of the prior is in holes", metric = "property/holes", where = noisy(4),
      at_most = 0.2 },
    lab.claim { "3. without KL the posteriors of different classes do not overlap", metric = "property/overlap",
      where = noisy(0), at_most = 1e-3 },
    lab.claim { "3. with the KL the posteriors of different classes overlap a little", metric = "property/overlap",
      where = noisy(1), at_least = 2e-3, at_most = 0.2 },
    lab.claim { "3. at beta = 4 different classes overlap at least twice as much as at 1", metric = "property/overlap",
      where = noisy(4), divided_by = noisy(1), at_least = 2 },
    lab.claim { "3. the classes of a VAE are still separate", metric = "property/apart", where = noisy(1),
      at_least = 0.5, at_most = 3 },
    lab.claim { "4. without KL the images of a class share no codes", metric = "property/grain", where = noisy(0),
      at_most = 0.05 },
    lab.claim { "4. in a VAE the images of a class share codes, and a class is not a point", metric = "property/grain",
      where = noisy(1), at_least = 0.05, at_most = 0.7 },
    lab.claim { "4. at beta = 4 the images of a class share more than at 1", metric = "property/grain",
      where = noisy(4), minus = noisy(1), at_least = 0.05 },
    lab.claim { "4. both units are active at beta = 4", metric = "property/active_units", where = noisy(4),
      at_least = 2 },
  },

  profile = {
    quick = {
      data  = { train = 20000, test = 2000 },
      train = { epochs = 12, batch = 100, optimiser = lab.adam { rate = 2e-3 } },
    },
    full = {
      data     = { "mnist" },
      settings = { hidden = 500 },
      train    = { epochs = 50, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    },
  },
}
