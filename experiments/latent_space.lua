-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- latent_space.lua: the four properties of a good latent space, and which model has which.  Four models that differ in two
-- things: whether the code is noisy, and how much the KL term weighs.
--
--                                                          noise   beta
--     autoencoder        z = f(x)                          no      -
--     VAE without KL     z = mu + sigma · eps              yes     0
--     VAE                the same, held near N(0, I)       yes     1
--     beta-VAE           the same, four times as much      yes     4
--
-- The claim (evaluations/properties.lua defines the numbers):
--   1. similar images near each other: all four, it takes no more than a narrow code;
--   2. every point decodes to something: where the prior puts it, with the KL term only; and even among its own codes an
--      autoencoder's draws are told from images more easily;
--   3. classes neither far apart nor on top of each other: without the KL their ellipses never meet; with it they do,
--      and more so the more it weighs;
--   4. one class together, but not a point: without the KL a class is dust; with it images share their places, and no unit
--      is lost.

local lab = require "vae_lab"

local autoencoder = { noise = false, beta = 0 }
local function noisy(beta) return { noise = true, beta = beta } end

return lab.experiment {
  name     = "latent_space",
  question = "What makes a latent space a good one, and which model has one?",

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
      metrics = { "property/order", "property/neighbours", "sample/validity", "property/validity", "property/apart", "property/overlap",
        "property/grain", "property/within" },
    },
    lab.fig.ellipses { digits = { 0, 1, 2, 3, 4 } }, lab.fig.means(), lab.fig.manifold(), lab.fig.samples(),
  },

  -- Bands from reasoning, before any run: chance is 0 for the order and 0.1 for ten classes' neighbours; those of the holes and
  -- the overlap at beta = 0 and 1 are kl_ablation's.
  claims = {
    lab.claim { "1. near in pixels is near in an autoencoder's plane", metric = "property/order", where = autoencoder, at_least = 0.2 },
    lab.claim { "1. in a VAE's without KL", metric = "property/order", where = noisy(0), at_least = 0.2 },
    lab.claim { "1. in a VAE's", metric = "property/order", where = noisy(1), at_least = 0.2 },
    lab.claim { "1. and in a beta-VAE's", metric = "property/order", where = noisy(4), at_least = 0.2 },
    lab.claim { "1. neighbours are of one class far more often than one time in ten, for an autoencoder", metric = "property/neighbours",
      where = autoencoder, at_least = 0.4 },
    lab.claim { "1. and for a VAE", metric = "property/neighbours", where = noisy(1), at_least = 0.4 },
    lab.claim { "2. draws from the prior look more like images of a VAE than of an autoencoder", metric = "sample/validity",
      where = noisy(1), minus = autoencoder, at_least = 0.1 },
    lab.claim { "2. and than of a VAE without KL", metric = "sample/validity", where = noisy(1), minus = noisy(0), at_least = 0.1 },
    lab.claim { "2. and even than of an autoencoder where its own codes lie", metric = "property/validity", where = noisy(1),
      minus = autoencoder, at_least = 0 },
    lab.claim { "2. noise alone leaves the plane empty", metric = "property/holes", where = noisy(0), at_least = 0.9 },
    lab.claim { "2. the KL fills it", metric = "property/holes", where = noisy(1), at_most = 0.2 },
    lab.claim { "2. and so it does at beta = 4", metric = "property/holes", where = noisy(4), at_most = 0.2 },
    lab.claim { "3. without KL classes never meet", metric = "property/overlap", where = noisy(0), at_most = 1e-3 },
    lab.claim { "3. with it they touch", metric = "property/overlap", where = noisy(1), at_least = 2e-3, at_most = 0.2 },
    lab.claim { "3. and run together as it weighs more", metric = "property/overlap", where = noisy(4), divided_by = noisy(1), at_least = 2 },
    lab.claim { "3. a VAE's classes are still apart", metric = "property/apart", where = noisy(1), at_least = 0.5, at_most = 3 },
    lab.claim { "4. without KL a class is dust", metric = "property/grain", where = noisy(0), at_most = 0.05 },
    lab.claim { "4. a VAE's class is neither dust nor a point", metric = "property/grain", where = noisy(1), at_least = 0.05, at_most = 0.7 },
    lab.claim { "4. more KL, coarser grain", metric = "property/grain", where = noisy(4), minus = noisy(1), at_least = 0.05 },
    lab.claim { "4. both units stay in use at beta = 4", metric = "property/active_units", where = noisy(4), at_least = 2 },
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
