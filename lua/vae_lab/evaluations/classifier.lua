-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/classifier.lua: the judge of lab.eval.validity: an experiment like any other, trained before the runs that need it.
--
-- It is taught doubt by mixup (Zhang et al., arXiv 1710.09412): besides clean images it sees x' = u x + (1 - u) x0 with the
-- target y' = u y + (1 - u) y0, u uniform on (¼, ¾), x0 the first image of the minibatch.  A plain classifier is sure of
-- anything; this one says "half a 3, half an 8" of a blend, so that max p(y|x) ≥ 0.9 means: clearly one digit.

local classifier = {}

--- classifier.experiment(data) → the experiment that trains it, on grey pixels of the data set { name =, train =, test = … }.
function classifier.experiment(data)
  local lab = require "vae_lab"
  return lab.experiment {
    name = "classifier",
    question = "Which digit is it, and is it clearly one?  (the judge of prior samples)",
    data = { data.name, train = data.train, valid = data.valid, test = data.test, binarise = "grey" },
    settings = { hidden = 200 },

    model = function(run, x, y)
      local net = lab.mlp { x, run.hidden, act = "relu", init = "he", name = "classifier" }
      local p = net:categorical(y, { init = "glorot" })
      local u = 0.25 + 0.5 * lab.noise { kind = "uniform", name = "mixup" }
      local blend = u * x + (1 - u) * x:first()
      local target = u * y + (1 - u) * y:first()
      local doubt = net { blend }:categorical(y, { init = "glorot" })
      return { bound = p:log_prob(y) + doubt:log_prob(target), p = p }
    end,

    train = { epochs = 8, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    evaluate = { lab.eval.accuracy() },
  }
end

return classifier
