-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions.lua: q(z|x), p(x|z) and p(z): distributions over tensors.  One file each in distributions/.
--
-- Promise: every log density, entropy and divergence is summed over the features and is in nats per example, shape (·,
-- b, 1).  A distribution answers :log_prob(value), .mean, :sample(k), :entropy(), :kl(p) and :parts(), or says why it
-- cannot.
--
-- To add one: a file distributions/NAME.lua (distributions/base.lua says what it returns), and its name below.  It is
-- then lab.NAME(…), and net:NAME(…) where it has a head.

local base = require "vae_lab.distributions.base"

local names = { "bernoulli", "categorical", "laplace", "mixture", "normal", "standard_normal", "student_t" }

local distributions = { is = base.is, by_name = {} }
for _, name in ipairs(names) do distributions.by_name[name] = require("vae_lab.distributions." .. name) end

return distributions
