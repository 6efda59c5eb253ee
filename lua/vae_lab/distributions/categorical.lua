-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/categorical.lua: one of several classes, as a one-hot vector: classifiers.

local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"

local function log_softmax(logits) return logits - logits:logsumexp("features") end

--- lab.categorical(logits) → one of as many classes as there are features; fields logits, mean = softmax(logits).
local Categorical, new = base.class {
  name = "categorical", parameters = { "logits" },
  fields = { mean = function(p) return log_softmax(p.logits):exp() end },
  noise = { kind = "uniform", per_feature = 1 },
  from_noise = function(p, u) -- the class with the largest logit + Gumbel noise, one-hot (the Gumbel-max trick)
    return log_softmax(1e30 * (p.logits - (-u:log()):log())):exp()
  end,
}

--- p:log_prob(y) → Σ y log softmax(l), nats per example; y is one-hot, or a distribution over the classes.
function Categorical:log_prob(y)
  return tensor.apply("categorical", { tensor.expect("y of log_prob", y), self.logits })
end

--- p:entropy() → -Σ p log p, nats per example.
function Categorical:entropy() return -(self.mean * log_softmax(self.logits)):sum("features") end

base.kl("categorical", "categorical", function(q, p)
  return (q.mean * (log_softmax(q.logits) - log_softmax(p.logits))):sum("features")
end)

return {
  new = new, head_options = {},
  --- net:categorical(y, { init =, bias_init =, name = "logits" }) → lab.categorical(logits), as many
  -- classes as y has features.
  head = function(net, width, o)
    return new(net:linear(width, { name = o.name or "logits", init = o.init, bias_init = o.bias_init }))
  end,
}
