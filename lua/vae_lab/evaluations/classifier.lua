-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/classifier.lua: the classifier that lab.eval.clarity uses: an experiment like any other, trained before
-- the runs that need it.
--
-- A plain classifier is confident about any image; it classified grey blurs as a clear 5.  This one has one class more
-- than the data, "no image of this kind".  Its examples are the images of the minibatch on a wrong background: x' = |a
-- - x|, where a = g · (½ + ½ noise) for each pixel and g is uniform on (0.2, 1): grey and noisy backgrounds, up to
-- negatives.  Blends of two digits were tried as a second kind of wrong image: the classifier then rejects nine in ten
-- reconstructions of a two-dimensional VAE as too blurred, and no longer distinguishes anything.

local classifier = {}

--- classifier.experiment(data) → the experiment that trains it, on grey pixels of the data set { name =, train =, test
-- = … }. p.mean has a feature for each class of the data and a last one for "no image of this kind".
function classifier.experiment(data)
  local lab = require "vae_lab"
  return lab.experiment {
    name = "classifier",
    question = "Which class does an image show, and does it clearly show one?  (used by lab.eval.clarity)",
    data = { data.name, train = data.train, valid = data.valid, test = data.test, binarise = "grey" },
    settings = { hidden = 200 },

    model = function(run, x, y)
      local net = lab.mlp { x, run.hidden, act = "relu", init = "he", name = "classifier" }
      local function classify(image) return net { image }:categorical(y:width() + 1, { init = "glorot" }) end

      local g = 0.2 + 0.8 * lab.noise { kind = "uniform", name = "ground" }
      local a = g * (0.5 + 0.5 * lab.noise { kind = "uniform", features = x:width(), name = "texture" })
      local never = 0 * y:slice(1, 1)
      local right, wrong = lab.concat { y, never }, lab.concat { 0 * y, 1 - never }

      local p = classify(x)
      return { bound = p:log_prob(right) + classify((a - x):abs()):log_prob(wrong), p = p }
    end,

    train = { epochs = 8, batch = 100, optimiser = lab.adam { rate = 1e-3 } },
    evaluate = { lab.eval.accuracy() },
  }
end

return classifier
