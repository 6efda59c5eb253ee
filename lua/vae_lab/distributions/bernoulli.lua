-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/bernoulli.lua: independent variables of 0 and 1: p(x|z) of black and white pixels.

local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"

--- lab.bernoulli(logits) → independent Bernoulli variables; fields logits, mean = sigmoid(logits).
local Bernoulli, new = base.class {
  name = "bernoulli", parameters = { "logits" }, fields = { mean = function(p) return p.logits:sigmoid() end },
  noise = { kind = "uniform", per_feature = 1 },
  from_noise = function(p, u) return ((p.mean - u) * 1e30):clamp(0, 1) end, -- 1 where u < mean
}

--- p:log_prob(x) → Σ x l - softplus(l), nats per example.  A log likelihood only for x in {0, 1}; for grey x it is
-- minus the cross-entropy (see lab.data's binarise).
function Bernoulli:log_prob(x) return tensor.apply("bernoulli", { tensor.expect("x of log_prob", x), self.logits }) end

--- p:entropy() → Σ softplus(l) - p l, nats per example.
function Bernoulli:entropy() return (self.logits:softplus() - self.mean * self.logits):sum("features") end

base.kl("bernoulli", "bernoulli", function(q, p)
  return (q.mean * (q.logits - p.logits) - q.logits:softplus() + p.logits:softplus()):sum("features")
end)

return {
  new = new, head_options = {},
  --- net:bernoulli(x, { init =, bias_init =, name = "logits" }) → lab.bernoulli(logits), as many as x has features.
  -- bias_init = "data_logit": the logit of the training data's clipped mean (Burda et al.'s code).
  head = function(net, width, o)
    return new(net:linear(width, { name = o.name or "logits", init = o.init, bias_init = o.bias_init }))
  end,
}
