-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- aevb_figure2.lua: figure 2 of Auto-Encoding Variational Bayes (Kingma & Welling, arXiv 1312.6114): the lower bound as
-- a function of the number of training samples seen, for AEVB and for the wake-sleep algorithm (Hinton et al. 1995)
-- with the same two networks.
--
-- Settings of the paper: one hidden tanh layer of 500 units (Frey faces: 200), minibatches of 100, one draw, Adagrad,
-- all parameters from N(0, 0.01), a N(0, I) prior on them as weight decay.  p(x|z) is Bernoulli for digits, and for
-- faces Gaussian with a sigmoid mean.
--
--   vae-lab run experiments/aevb_figure2.lua                              quick, on the built-in digits
--   vae-lab run experiments/aevb_figure2.lua --set profile=full           MNIST
--   vae-lab run experiments/aevb_figure2.lua --set profile=faces          the Frey faces

local lab = require "vae_lab"

local FACE = 28 * 20 -- pixels

local claims = {
  lab.claim { "AEVB's bound lies within the axis of the paper's figure", metric = "test/elbo",
    where = { method = "aevb", latent = 10 }, at_least = -150, at_most = -100, data = "mnist", profile = "full",
    source = "arXiv 1312.6114, figure 2" },
  lab.claim { "AEVB's bound of the faces lies within the axis of the paper's figure", metric = "test/elbo",
    where = { method = "aevb", latent = 10 }, at_least = 0, at_most = 1600, profile = "faces",
    source = "arXiv 1312.6114, figure 2" },
}
local function better(latent, profile)
  claims[#claims + 1] = lab.claim {
    "AEVB reaches a better bound than wake-sleep", metric = "test/elbo", where = { method = "aevb", latent = latent },
    minus = { method = "wake-sleep", latent = latent }, at_least = 0, profile = profile,
    source = "arXiv 1312.6114, figure 2",
  }
end
for _, latent in ipairs { 3, 10, 20 } do better(latent, { "quick", "full" }) end
for _, latent in ipairs { 5, 200 } do better(latent, "full") end
for _, latent in ipairs { 2, 5, 10, 20 } do better(latent, "faces") end

return lab.experiment {
  name     = "aevb_figure2",
  question = "Does the reparameterised bound learn faster than wake-sleep, and reach a better bound?",

  settings = { hidden = 500, passes = 100, step = 0.02, examples = 60000 },
  sweep    = { method = { "aevb", "wake-sleep" }, latent = { 3, 5, 10, 20, 200 }, seed = { 1 } },

  model = function(run, x)
    local encoder = lab.mlp { run.hidden, act = "tanh", init = "paper", name = "encoder" }
    local decoder = lab.mlp { run.hidden, act = "tanh", init = "paper", name = "decoder" }
    local function encode(image) return encoder { image }:normal(run.latent) end
    local function decode(z)
      if x:width() == FACE then return decoder { z }:normal(x, { mean_act = "sigmoid" }) end
      return decoder { z }:bernoulli(x)
    end
    if run.method == "wake-sleep" then return lab.wake_sleep(x, encode, decode) end

    local q  = encode(x)
    local z  = q:sample()
    local px = decode(z)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,

  -- The prior N(0, I) on the parameters: weight decay 1/N for each example, N = the training examples.
  train = function(run)
    return { epochs = run.passes, batch = 100, optimiser = lab.adagrad { rate = run.step,
      weight_decay = 1 / run.examples } }
  end,

  evaluate = { lab.eval.elbo { examples = 2000 } },
  figures  = { lab.fig.against { x = "latent", metrics = { "elbo", "reconstruction", "kl" } }, lab.fig.curves() },
  claims   = claims,

  profile = {
    quick = {
      data     = { train = 10000, test = 2000 },
      settings = { hidden = 200, passes = 20, examples = 10000 },
      sweep    = { latent = { 3, 10, 20 }, seed = { 1, 2, 3 } },
    },
    full  = { data = { "mnist" } },
    faces = {
      data     = { "freyfaces" },
      settings = { hidden = 200, passes = 500, examples = 1665 },
      sweep    = { latent = { 2, 5, 10, 20 } },
    },
  },
}
