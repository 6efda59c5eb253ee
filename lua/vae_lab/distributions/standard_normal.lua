-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/standard_normal.lua: N(0, I), the usual prior p(z).

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"

--- lab.standard_normal() → N(0, I), of any width.
local StandardNormal, new = base.class { name = "standard_normal", parameters = {}, fields = {} }

--- p:sample(d) → z ~ N(0, I) of d features, one for each example and each of training's draws, shape (k, b, d).
-- The z of a model without an encoder: train = { monte_carlo_em = lab.hmc {} } replaces it by draws of p(z|x).
function StandardNormal:sample(d)
  check.value("the width of a draw", d, { type = "integer", min = 1 })
  local z = tensor.noise { samples = "k", features = d, name = "z" }
  z.origin, z.drawn_from = "latent", self
  return z
end

--- p:log_prob(z) → log N(z; 0, I) = -½ Σ (log 2 pi + z²), nats per example.
function StandardNormal.log_prob(_, z) return tensor.apply("standard_normal", { tensor.expect("z of log_prob", z) }) end

--- p:parts() → {}: it has no parameters.
function StandardNormal.parts() return {} end

return { new = new }
