-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- mutations.lua: bugs of VAE programs, each planted alone in a small healthy program; which check detects which.
--
-- The program below is written out as formulas with names; a mutation replaces one of them.  `source` is a public
-- thread in which the bug was reported, or asked about, sometimes of another kind of model and with other constants; a
-- mutation without a source is a slip that we made up.  The mutated program trains, and reports its ELBO, KL, bounds
-- and prior draws, all by its own formulas.  The checks are those of lua/vae_lab/detectors.lua: any careful experiment
-- can have them.  Healthy runs ("calibration") set the bands that no theory gives; other healthy runs ("none") count
-- the false alarms.
--
-- mistakes.lua has seven of these bugs with their cost as a story for a lecture; this file is the proof that the checks
-- see, and what each of them does not see.
--
--   vae-lab run experiments/mutations.lua                                     all of them, on the built-in digits
--   vae-lab run experiments/mutations.lua --set mutation=none,kl_mu2 --set seed=1
--   vae-lab run experiments/mutations.lua --set profile=full                  MNIST

local lab = require "vae_lab"
local param = require("vae_lab.tensor").param
local detectors = require "vae_lab.detectors"

local EPOCHS = 16

-- ---- the healthy program --------------------------------------------------------------------------------------------
-- m.kl is computed by the function kl of this table, once, when it is first read; a mutation has another one.

local program = {
  hidden  = function(m) return lab.mlp { m.x, m.run.hidden, act = "tanh" } end,
  q       = function(m) return m.hidden:normal(m.run.latent) end,
  sigma   = function(m) return (0.5 * m.q.logvar):exp() end,
  eps     = function(m) return lab.noise { samples = "k", features = m.run.latent } end,
  z       = function(m) return m.q.mu + m.sigma * m.eps end,

  net     = function(m) return lab.mlp { m.run.hidden, act = "tanh", name = "decoder" } end,
  decode  = function(m) return function(z) return m.net { z }:bernoulli(m.x) end end,
  px      = function(m) return m.decode(m.z) end,
  target  = function(m) return m.x end,
  log_px  = function(m) return m.px:log_prob(m.target) end,

  reconstruction = function(m) return m.log_px:mean "samples" end,
  kl      = function(m) return m.q:kl() end,
  elbo    = function(m) return m.reconstruction - m.kl end,
  bound   = function(m) return m.elbo end, -- what is trained

  log_pz  = function(m) return lab.standard_normal():log_prob(m.z) end,
  log_qz  = function(m) return m.q:log_prob(m.z) end,
  log_w   = function(m) return m.log_px + m.log_pz - m.log_qz end,
  iwae    = function(m) return m.log_w:logmeanexp "samples" end,
  prior   = function(m) return lab.noise { features = m.run.latent, name = "prior" } end,

  reported_elbo = function(m) return m.elbo end,
  reported_kl   = function(m) return m.kl end,
}

local groups, mutations = {}, {}

local function group(title) groups[#groups + 1] = { title = title, names = {}, titles = {} } end

-- mutation { name, title, by = the detector that the claim names, or false: none is sure to see it, source =, post_hoc =
-- of the claim, plan = what it changes outside of the model, FORMULA = function (m) … end … }
local OTHER = "names another detector: the gradient, named at first, had not fired in every seed"
local function mutation(m)
  local g, name = groups[#groups], m[1]
  g.names[#g.names + 1], g.titles[#g.titles + 1], mutations[name] = name, m[2], m
end

-- Half the sum over the units of terms(mu, log sigma²).
local function half_sum(terms)
  return function(m) return 0.5 * terms(m.q.mu, m.q.logvar):sum() end
end

-- The same numbers for every example.
local function for_all(m, tensor) return tensor + 0 * m.q:kl() end

-- ---- the KL term ----------------------------------------------------------------------------------------------------
group "KL term"

mutation { "kl_sign", "added, not subtracted", by = "formula",
  elbo = function(m) return m.reconstruction + m.kl end }
mutation { "kl_reported", "reported with a minus", by = "kl", source = "AntixK/PyTorch-VAE, issue 68",
  reported_kl = function(m) return -m.kl end }
mutation { "kl_half", "½ missing before mu² + sigma²", by = "kl",
  source = "SupaeroDataScience/deep-learning, pull request 6",
  kl = half_sum(function(mu, logvar) return 2 * mu ^ 2 + 2 * logvar:exp() - logvar - 1 end) }
mutation { "kl_quarter", "½ of mu² + sigma² − 1 twice", by = "each_kl",
  kl = half_sum(function(mu, logvar) return 0.5 * (mu ^ 2 + logvar:exp() - 1) - logvar end) }
mutation { "kl_mu2", "mu² missing", by = "kl", kl = half_sum(function(_, logvar) return logvar:exp() - logvar - 1 end) }
mutation { "kl_mu", "mu not squared", by = "kl",
  kl = half_sum(function(mu, logvar) return mu + logvar:exp() - logvar - 1 end) }
mutation { "kl_log_sign", "+ log sigma²", by = "kl", source = "FluxML/model-zoo, pull request 147",
  kl = half_sum(function(mu, logvar) return mu ^ 2 + logvar:exp() + logvar - 1 end) }
mutation { "kl_log_squared", "(log sigma)² for log sigma²", by = "kl", source = "FluxML/model-zoo, pull request 76",
  kl = half_sum(function(mu, logvar) return mu ^ 2 + logvar:exp() + (0.5 * logvar) ^ 2 - 1 end) }
mutation { "kl_log_sigma", "log sigma² read as log sigma", by = "kl", source = "keras-team/keras, issue 3283",
  kl = half_sum(function(mu, logvar) return mu ^ 2 + (2 * logvar):exp() - 2 * logvar - 1 end) }
mutation { "kl_constant", "−1 once, not for each unit", by = "kl", source = "ericjang/draw, issue 2",
  kl = function(m) return 0.5 * ((m.q.mu ^ 2 + m.q.logvar:exp() - m.q.logvar):sum() - 1) end }
mutation { "kl_axis", "summed over the batch too", by = "kl", source = "EDAPINENUT/GNTPP, issue 4",
  kl = function(m) return for_all(m, m.q:kl():sum "batch") end }
mutation { "kl_units", "averaged over the units", by = "kl", source = "mkusner/grammarVAE, issue 2",
  kl = function(m) return m.q:kl_each():mean() end }
mutation { "kl_batch", "divided by the batch once more", by = "kl", source = "zfjsail/gae-pytorch, issue 3",
  kl = function(m) return m.q:kl() / m.run.minibatch end }
mutation { "kl_pixels", "divided by batch and pixels", by = "kl", source = "pytorch/examples, issue 290",
  kl = function(m) return m.q:kl() / (m.run.minibatch * m.x:width()) end }
mutation { "kl_weight", "weight 0.00025", by = "formula", source = "AntixK/PyTorch-VAE, issue 56",
  elbo = function(m) return m.reconstruction - 2.5e-4 * m.kl end }

-- ---- sampling -------------------------------------------------------------------------------------------------------
group "sampling"

mutation { "z_mean", "z = mu", by = "draws", source = "dmis-lab/VAECox, issue 6",
  z = function(m) return m.q.mu + 0 * m.eps end }
mutation { "z_batch", "one eps for the minibatch", by = "draws",
  source = "impICNF/ContinuousNormalizingFlows.jl, pull request 119",
  eps = function(m) return lab.noise { samples = "k", batch = 1, features = m.run.latent } end }
mutation { "z_units", "one eps for all units", by = "draws", eps = function() return lab.noise { samples = "k" } end }
mutation { "z_draws", "one eps for all draws", by = "draws", source = "Michedev/VAE_anomaly_detection, issue 13",
  eps = function(m) return lab.noise { features = m.run.latent } + 0 * lab.noise { samples = "k" } end }
mutation { "z_once", "eps drawn once for all", by = "draws", source = "tensorflow/tensorflow, issue 36715",
  eps = function(m)
    return param("eps", 1, m.run.latent, "normal(1)"):stop_gradient() + 0 * lab.noise { samples = "k" }
  end }
mutation { "z_one", "eps = 1", by = "draws", source = "twairball/keras_lstm_vae, issue 1",
  eps = function() return 1 + 0 * lab.noise { samples = "k" } end }
mutation { "z_uniform", "uniform eps on (0, 1)", by = "draws", source = "toshikwa/slac.pytorch, issue 5",
  eps = function(m) return lab.noise { kind = "uniform", samples = "k", features = m.run.latent } end }
mutation { "z_uniform_1", "uniform eps of variance 1", by = "draws",
  eps = function(m)
    return math.sqrt(12) * (lab.noise { kind = "uniform", samples = "k", features = m.run.latent } - 0.5)
  end }
mutation { "z_variance", "exp(log sigma²) as sigma", by = "draws", source = "rachtsingh/ibp_vae, issue 3",
  sigma = function(m) return m.q.logvar:exp() end }
mutation { "z_softplus", "softplus of log sigma²", by = "draws",
  source = "wohlert/semi-supervised-pytorch, issue 16",
  sigma = function(m) return (0.5 * m.q.logvar:softplus()):exp() end }
mutation { "z_half", "half the noise", by = "draws", source = "keras-team/keras, pull request 4211",
  eps = function(m) return 0.5 * lab.noise { samples = "k", features = m.run.latent } end }
mutation { "z_detached", "z detached", by = { "fit", at_most = -2 }, post_hoc = OTHER,
  source = "LituRout/PSLD, issue 9",
  z = function(m) return (m.q.mu + m.sigma * m.eps):stop_gradient() end }
mutation { "z_sigma_detached", "sigma detached", by = "gradient",
  sigma = function(m) return (0.5 * m.q.logvar):exp():stop_gradient() end }
mutation { "z_mu_detached", "mu detached", post_hoc = OTHER, by = { "fit", at_most = -2 },
  z = function(m) return m.q.mu:stop_gradient() + m.sigma * m.eps end }

-- ---- likelihood -----------------------------------------------------------------------------------------------------
group "likelihood"

mutation { "x_grey", "grey pixels", by = "pixels", source = "pytorch/examples, issue 460",
  plan = { binarise = "grey" } }
mutation { "x_thresholded", "pixels cut at ½", by = "pixels", source = "pyro-ppl/pyro, issue 529",
  plan = { binarise = "grey" }, target = function(m) return ((m.x - 0.5) * 1e30):clamp(0, 1) end }
mutation { "x_static", "pixels drawn once", by = "pixels", plan = { binarise = "static" } }
mutation { "x_sigmoid", "sigmoid twice", by = { "fit", at_most = -2 },
  source = "itakurah/focal-loss-pytorch, pull request 5",
  decode = function(m)
    return function(z) return lab.bernoulli(m.net { z }:linear(m.x, { name = "logits" }):sigmoid()) end
  end }
mutation { "x_averaged", "averaged over pixels", by = "formula", source = "keras-team/keras, pull request 3383",
  log_px = function(m) return m.px:log_prob(m.x) / m.x:width() end }
mutation { "x_half", "half of it", by = "formula", log_px = function(m) return 0.5 * m.px:log_prob(m.x) end }
mutation { "x_shifted", "target shifted by a pixel", by = "formula",
  target = function(m) return lab.concat { m.x:slice(2, m.x:width() - 1), m.x:slice(1, 1) } end }
mutation { "x_other", "target is another image", by = "formula",
  target = function(m) return m.x:first() + 0 * m.x end }
mutation { "x_swapped", "arguments swapped", by = "formula", source = "autonomousvision/sledge, issue 4",
  log_px = function(m) return (m.px.mean * m.x - m.x:softplus()):sum() end }
mutation { "x_mse", "squared error as log p", by = "formula", source = "ethanluoyc/pytorch-vae, issue 3",
  log_px = function(m) return -((m.x - m.px.mean) ^ 2):sum() end }
mutation { "x_epsilon", "log(p + 0.01)", by = "formula", source = "apache/mxnet, pull request 4594",
  log_px = function(m)
    local x, p = m.x, m.px.mean
    return (x * (p + 0.01):log() + (1 - x) * (1.01 - p):log()):sum()
  end }
mutation { "x_white", "white pixels alone", by = "formula", source = "FluxML/Flux.jl, issue 139",
  log_px = function(m) return (m.x * (m.px.mean + 1e-6):log()):sum() end }

-- ---- importance weights ---------------------------------------------------------------------------------------------
group "importance weights"

mutation { "w_sign", "wrong sign", by = "rise", source = "YosefLab/scVI-dev, issue 8",
  iwae = function(m) return -lab.iwae(-m.log_w) end }
mutation { "w_mixed", "KL in closed form", by = false, source = "AntixK/PyTorch-VAE, issue 34",
  iwae = function(m) return m.log_px:logmeanexp "samples" - m.kl end }
mutation { "w_log_k", "log k forgotten", by = "ceiling", source = "YosefLab/scVI-dev, issue 8",
  iwae = function(m) return m.log_w:logsumexp "samples" end }
mutation { "w_mean_log", "mean of the logs", by = "rise", source = "arahuja/generative-tf, issue 1",
  iwae = function(m) return m.log_w:mean "samples" end }
mutation { "w_no_q", "log q forgotten", by = "weights", log_w = function(m) return m.log_px + m.log_pz end }
mutation { "w_no_prior", "log p(z) forgotten", by = "weights", log_w = function(m) return m.log_px - m.log_qz end }
mutation { "w_axis", "mean over the batch, not the draws", by = "weights",
  source = "XavierXiao/Likelihood-Regret, issue 1",
  iwae = function(m) return m.log_w:logmeanexp "batch" + 0 * m.log_w end }
mutation { "w_weighted", "Σ w log w, w normalised", by = "weights", source = "AntixK/PyTorch-VAE, pull request 53",
  iwae = function(m) return ((m.log_w - m.log_w:logsumexp "samples"):exp() * m.log_w):sum "samples" end }

-- ---- schedules ------------------------------------------------------------------------------------------------------
group "schedules"

local function annealed(beta)
  return function(m) return m.reconstruction - m.run[beta] * m.kl end
end

mutation { "s_late", "beta one epoch late", by = "formula", elbo = annealed "beta_late" }
mutation { "s_slow", "beta ends at ½", by = "formula", elbo = annealed "beta_slow" }
mutation { "s_again", "beta restarts", by = "formula", source = "valdersoul/bn-vae, issue 1",
  elbo = annealed "beta_again" }
mutation { "s_silent", "beta stays at ½, ELBO at 1", by = "gradient",
  bound = function(m) return m.reconstruction - 0.5 * m.kl end }
mutation { "s_rate", "rate decays at each step", by = { "fit", at_most = -2 },
  source = "automl/Auto-PyTorch, issue 211",
  plan = { rate = function(epoch, steps) return 0.97 ^ (steps * (epoch - 1)) end } }

-- ---- training -------------------------------------------------------------------------------------------------------
group "training"

mutation { "t_batch", "one minibatch, again and again", by = { "overfit", at_least = 5 }, plan = { one_batch = true } }
mutation { "t_summed", "gradient summed over the batch", by = "gradient",
  source = "tensorflow/models, pull request 5049", bound = function(m) return m.run.minibatch * m.elbo end }
mutation { "t_encoder", "encoder not trained", by = "trained",
  source = "PacktPublishing/Hands-On-Image-Generation-with-TensorFlow-2.0, issue 24",
  q = function(m)
    return lab.normal(m.hidden:linear(m.run.latent, { name = "mu" }):stop_gradient(),
      m.hidden:linear(m.run.latent, { name = "logvar" }):stop_gradient())
  end }
mutation { "t_decoder", "decoder detached", by = "trained", source = "dragen1860/IntroVAE-Pytorch, issue 3",
  decode = function(m)
    local head = lab.mlp { name = "head" }
    return function(z) return head { m.net { z }.output:stop_gradient() }:bernoulli(m.x) end
  end }
mutation { "t_epsilon", "Adam's epsilon is 1", by = { "fit", at_most = -2 }, source = "tensorflow/models, issue 779",
  plan = { epsilon = 1 } }
mutation { "t_decay", "weight decay of the wrong sign", post_hoc = OTHER, by = { "codes", at_most = -0.2 },
  bound = function(m)
    local w = param("decoder.logits.W", m.run.hidden, m.x:width(), "glorot_uniform")
    return m.elbo + 0.01 * (w ^ 2):sum "all"
  end }
mutation { "t_zeros", "all weights start at 0", by = "trained", source = "yz93/LAVT-RIS, issue 25",
  hidden = function(m) return lab.mlp { m.x, m.run.hidden, act = "tanh", init = "zeros" } end,
  net = function(m) return lab.mlp { m.run.hidden, act = "tanh", name = "decoder", init = "zeros" } end }
mutation { "t_relu_mu", "relu left on mu", by = { "fit", at_most = -2 },
  source = "shekkizh/TensorflowProjects, pull request 1",
  q = function(m)
    return lab.normal(m.hidden:linear(m.run.latent, { name = "mu" }):relu(),
      m.hidden:linear(m.run.latent, { name = "logvar" }))
  end }
mutation { "t_relu_logvar", "relu left on log sigma²", by = { "fit", at_most = -2 },
  source = "shekkizh/TensorflowProjects, pull request 1",
  q = function(m)
    return lab.normal(m.hidden:linear(m.run.latent, { name = "mu" }),
      m.hidden:linear(m.run.latent, { name = "logvar" }):relu())
  end }

-- ---- evaluation -----------------------------------------------------------------------------------------------------
group "evaluation"

local function heads(m, h) return lab.mlp { h, name = "heads" }:normal(m.run.latent) end

mutation { "e_dropout", "dropout left on", by = "repeat", source = "wolny/pytorch-3dunet, issue 53",
  q = function(m)
    local h = m.hidden.output
    local kept = lab.noise { kind = "uniform", features = h:width(), name = "dropout" }
    return heads(m, 2 * h * ((kept - 0.5) * 1e30):clamp(0, 1))
  end }
mutation { "e_batch_norm", "batch norm of the test batch", by = "repeat", source = "sinhasam/vaal, issue 35",
  q = function(m)
    local centred = m.hidden.output - m.hidden.output:mean "batch"
    return heads(m, centred / ((centred ^ 2):mean "batch" + 1e-5) ^ 0.5)
  end }
mutation { "e_mean_z", "tested at z = mu", by = "formula", source = "pytorch/examples, pull request 419",
  reported_elbo = function(m) return m.decode(m.q.mu):log_prob(m.x) - m.kl end }
mutation { "e_other_kl", "KL of another image", by = "kl", source = "Project-MONAI/tutorials, pull request 2000",
  reported_kl = function(m) return for_all(m, m.kl:first()) end,
  reported_elbo = function(m) return m.reconstruction - m.reported_kl end }
mutation { "e_prior", "prior draws of deviation 2", by = "draws",
  prior = function(m) return 2 * lab.noise { features = m.run.latent, name = "prior" } end }
mutation { "e_train", "training ELBO reported as test", by = "test_set",
  source = "timsainb/tensorflow2-generative-models, issue 9",
  plan = { reads = { ["test/reported_elbo"] = "train/reported_elbo" } },
  reported_elbo = function(m) return m.elbo + 0 end } -- + 0: a run of its own, not that of the healthy program
mutation { "e_last", "sum divided by the full batches", by = "formula", source = "chainer/chainer, issue 777",
  reported_elbo = function(m)
    return m.run.tests / (m.run.tests // m.run.minibatch * m.run.minibatch) * m.elbo
  end }
mutation { "e_bits", "bits called nats", by = "formula", source = "jlizier/jidt, issue 12",
  reported_elbo = function(m) return m.elbo / math.log(2) end }

-- ---- the program with one mutation ----------------------------------------------------------------------------------

local healthy = { plan = {} }

local function change_of(run) return mutations[run.mutation] or healthy end
local function plan_of(run) return change_of(run).plan or healthy.plan end

local function mutated(run, x)
  local change = change_of(run)
  return setmetatable({ run = run, x = x }, { __index = function(m, name)
    local value = (change[name] or program[name])(m)
    rawset(m, name, value)
    return value
  end })
end

local function model(run, x)
  local m = mutated(run, x)
  return {
    bound = m.bound, q = m.q, p = m.px, z = m.z, prior_draws = m.prior, target = m.target,
    metrics = {
      reported_elbo = m.reported_elbo, reported_kl = m.reported_kl, reported_reconstruction = m.reconstruction,
      reported_iwae = m.iwae, ink = m.decode(m.prior).mean:mean(), data_ink = x:mean(),
    },
    surrogates = function() -- the gradient that is trained, and that of an ELBO which shares the networks alone
      local again = m.decode(m.q:sample()):log_prob(x) - m.q:kl()
      return { program = for_all(m, m.bound), second = again:mean "samples" }
    end,
  }
end

-- ---- claims ---------------------------------------------------------------------------------------------------------

local function with(name) return { mutation = name } end

-- The share of seeds in which the detector fires, for one with a band from theory; else its distance from healthy runs.
local function detected(g, name)
  local m = mutations[name]
  local by = type(m.by) == "table" and m.by or { m.by }
  local d, reads = detectors.list[by[1]], (m.plan or {}).reads
  local claim = { string.format("%s, %s: %s", g.title, m[2], d.title), where = with(name), source = m.source,
    at_least = by.at_least, at_most = by.at_most, post_hoc = m.post_hoc }
  if d.basis == "healthy" then
    claim.value, claim.quantity, claim.minus = d.value, d.title, with "none"
  else
    claim.quantity, claim.at_least = "share of seeds in which it fires", 0.5
    claim.value = function(metrics) return detectors.fires(d, detectors.reading(metrics, reads)) end
  end
  return lab.claim(claim)
end

local claims, names = {}, {}
for _, g in ipairs(groups) do
  for _, name in ipairs(g.names) do
    names[#names + 1] = name
    if mutations[name].by then claims[#claims + 1] = detected(g, name) end
  end
end

claims[#claims + 1] = lab.claim { "the healthy program raises next to no alarm", where = with "none", at_most = 0.01,
  quantity = "share of the checks with a band from theory that fire", value = detectors.alarms }

-- What the reported ELBO shows: these programs look better than the healthy one.
for _, name in ipairs { "z_mean", "z_once", "x_thresholded", "e_other_kl" } do
  claims[#claims + 1] = lab.claim { mutations[name][2] .. ": the reported ELBO looks better", where = with(name),
    metric = "test/reported_elbo", minus = with "none", at_least = 0 }
end
-- What no check is sure to see is nearly harmless here: with two units log w hardly varies, and any mean of it will do.
claims[#claims + 1] = lab.claim { "importance weights, KL in closed form: wrong by little", where = with "w_mixed",
  metric = "audit/iwae_50_excess", near = 0, within = 0.25, profile = "quick",
  post_hoc = "claimed when the weights' check had not fired in most seeds" }
-- The weights after a step of Adam hardly depend on the scale of the gradient.
claims[#claims + 1] = lab.claim { "a gradient that is summed, not averaged, costs Adam nothing",
  where = with "t_summed", metric = "audit/elbo", minus = with "none", near = 0, within = 0.5 }

-- ---- the experiment -------------------------------------------------------------------------------------------------

local reads = {}
for name, m in pairs(mutations) do reads[name] = m.plan and m.plan.reads end

local function seeds(first, last)
  local list = {}
  for seed = first, last do list[#list + 1] = seed end
  return list
end

return lab.experiment {
  name     = "mutations",
  question = "Which check detects which bug of a VAE program, how surely and how soon?",

  settings = {
    latent = 2, hidden = 32, images = 3000, tests = 1030, minibatch = 50, step = 4e-3,
    beta_late = function(epoch) return (epoch - 1) / EPOCHS end,
    beta_slow = function(epoch) return epoch / EPOCHS / 2 end,
    beta_again = function(epoch) return epoch % (EPOCHS // 4) / (EPOCHS // 4) end,
  },
  sweep    = {
    { mutation = { "calibration" }, seed = seeds(101, 110) }, { mutation = { "none" }, seed = seeds(1, 12) },
    { mutation = names, seed = seeds(1, 6) }, -- 6 of 6 show a power of one half or more, 5 of 5 do not
  },

  data = function(run)
    local plan = plan_of(run)
    return { "digits", train = plan.one_batch and run.minibatch or run.images, test = run.tests,
      binarise = plan.binarise or "dynamic" }
  end,

  train = function(run)
    local plan, steps = plan_of(run), run.images // run.minibatch
    local rate = plan.rate and function(epoch) return run.step * plan.rate(epoch, steps) end or run.step
    local times = plan.one_batch and steps or 1 -- as many steps, and as many tests
    return { epochs = EPOCHS * times, test_every = times, batch = run.minibatch,
      optimiser = lab.adam { rate = rate, epsilon = plan.epsilon } }
  end,

  model    = model,
  evaluate = {
    lab.eval.audit { exact = 8, elbo = "reported_elbo", kl = "reported_kl", reconstruction = "reported_reconstruction",
      iwae = "reported_iwae", prior = "prior_draws", pixels = "target" },
    lab.eval.gradients { parameters = "", reference = "second", draws = { 1 }, repeats = 800 }, lab.eval.elbo(),
  },
  claims   = claims,
  figures  = {
    lab.fig.detection { name = "map", setting = "mutation", groups = groups, reads = reads, pages = 3 },
    lab.fig.detection { name = "groups", setting = "mutation", groups = groups, reads = reads, summary = true },
  },

  profile = {
    quick = {},
    full  = {
      data     = { "mnist" },
      settings = { hidden = 128, images = 10000, tests = 2030, minibatch = 100, step = 3e-3 },
    },
  },
}
