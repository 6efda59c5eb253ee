-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- detectors.lua: lab.detectors: checks that say whether a VAE program is wrong, each a number with a band.
--
-- A number is computed from the metrics of a run: those of every epoch, and of lab.eval.audit, elbo, gradients and
-- latent_space.  It should lie in the band; a detector fires where it does not.  Where the band follows from theory it
-- stands here.  Where it depends on the model and its training it is set by runs of a healthy program.

local claims = require "vae_lab.claims"
local stats = require "vae_lab.native.stats"

local detectors = {}

-- ---- numbers --------------------------------------------------------------------------------------------------------

-- A difference in its standard errors.  Where all differences are equal the error is 0: any difference is then real.
local function t(m, name)
  local value, se = m["audit/" .. name], m["audit/" .. name .. "_se"]
  return value / math.max(se, 1e-3)
end

-- The number that is farthest from 0.
local function largest(list)
  local most = 0
  for _, v in ipairs(list) do
    if math.abs(v) > math.abs(most) or v ~= v then most = v end
  end
  return most
end

local function all(m, prefix, names)
  local list = {}
  for i, name in ipairs(names) do list[i] = m["audit/" .. prefix .. name .. "_t"] end
  return list
end

local of_draws = { "mean", "variance", "kurtosis", "examples", "draws", "units", "steps" }
local of_prior = { "mean", "variance", "kurtosis", "examples", "units" }

-- ---- the list -------------------------------------------------------------------------------------------------------

local list = {}

local function detector(d)
  list[#list + 1], list[d.name] = d, d
end

-- What most programs are judged by: the curve ends above what a model without z reaches, and below 0, the ceiling of
-- the log probability of black and white pixels.
detector { name = "curve", title = "reported ELBO looks right", basis = "theory", low = 0, high = 1,
  value = function(m) return 1 - m["test/reported_elbo"] / m["audit/mean_image"] end }

-- The reported number compared with that of a known good program, as one compares with a published table.
detector { name = "level", each_epoch = true, title = "reported ELBO", basis = "healthy",
  value = function(m) return m["test/reported_elbo"] end }

detector { name = "kl", title = "KL as in closed form", basis = "theory", low = -0.01, high = 0.01, each_epoch = true,
  value = function(m) return m["test/reported_kl"] - m["test/kl"] end }

-- Near the prior the mean of mu² + sigma² is 1: half of mu² + sigma² - 1 has nearly the same mean.
detector { name = "each_kl", title = "KL of each example", basis = "theory", audit = "kl_farthest", high = 1e-3,
  value = function(m) return m["audit/kl_farthest"] end }

detector { name = "formula", title = "ELBO by another formula", basis = "theory", low = -0.01, high = 0.01,
  each_epoch = true, value = function(m) return m["test/reported_elbo"] - m["test/elbo"] end }

detector { name = "own_draws", title = "ELBO at other draws", basis = "theory", audit = "elbo_excess", low = -4,
  high = 4,
  value = function(m) return t(m, "elbo_excess") end }

-- Another draw of the pixels and of z moves the mean over the test set by much less than a nat.
detector { name = "test_set", title = "ELBO of the test set", basis = "theory", low = -1, high = 1,
  value = function(m) return m["test/reported_elbo"] - m["final/test/elbo"] end }

detector { name = "ceiling", title = "bounds below log p(x)", basis = "theory", audit = "elbo_gap", low = -4,
  value = function(m) return math.min(t(m, "elbo_gap"), t(m, "iwae_gap")) end }

detector { name = "rise", title = "IWAE bound rises with draws", basis = "theory", low = 2,
  value = function(m) return t(m, "iwae_rise") end }

detector { name = "weights", title = "IWAE bound at other draws", basis = "theory", audit = "iwae_1_excess", low = -4,
  high = 4,
  value = function(m) return largest { t(m, "iwae_1_excess"), t(m, "iwae_5_excess"), t(m, "iwae_50_excess") } end }

detector { name = "draws", title = "moments of the draws", basis = "theory", audit = "draws_mean_t", low = -4.5,
  high = 4.5,
  value = function(m) return largest { largest(all(m, "draws_", of_draws)), largest(all(m, "prior_", of_prior)) } end }

detector { name = "gradient", title = "gradient of a second ELBO", basis = "theory", low = -4.5, high = 4.5,
  value = function(m) return m["gradient/program_1_bias_t"] end }

detector { name = "pixels", title = "pixels drawn from grey", basis = "theory", audit = "pixels_grey", low = -5,
  high = 5,
  value = function(m)
    return largest { m["audit/pixels_spread_t"], m["audit/pixels_repeated_t"], 1e3 * m["audit/pixels_grey"] }
  end }

detector { name = "trained", title = "all networks trained", basis = "theory", high = 0,
  value = function(m) return m["audit/without_gradient"] end }

detector { name = "repeat", title = "one input, one output", basis = "theory", audit = "repeated", high = 1e-4,
  value = function(m) return math.max(m["audit/repeated"], m["audit/alone"]) end }

detector { name = "fit", title = "recomputed ELBO", basis = "healthy",
  value = function(m) return m["audit/elbo"] end }

detector { name = "gap", title = "inference gap", basis = "healthy",
  value = function(m) return m["audit/inference_gap"] end }

-- The second moment of q(z), 1 where it is the prior.
detector { name = "codes", title = "width of q(z)", basis = "healthy",
  value = function(m) return m["audit/second_moment"] end }

detector { name = "samples", each_epoch = true, title = "ink of prior samples", basis = "healthy",
  value = function(m) return m["test/ink"] / m["test/data_ink"] end }

detector { name = "overfit", each_epoch = true, title = "training minus test ELBO", basis = "healthy",
  value = function(m) return m["train/reported_elbo"] - m["test/reported_elbo"] end }

--- detectors.list: the detectors in the order of the map, and by name: { name =, title =, basis = "theory" or
-- "healthy", low =, high =, each_epoch = whether all its metrics are recorded at every epoch, audit =, value = function
-- (m) } of the metrics m.  audit: for one that no weights make fire, the metric of lab.eval.audit without which it says
-- nothing.
detectors.list = list

-- ---- firing ---------------------------------------------------------------------------------------------------------

-- A healthy run is outside of the band that ten others set once in a thousand times: Student's t with 9 degrees of
-- freedom, and the error of their mean.
local WIDTH = 5

--- detectors.band(values) → { low, high }: the mean of the values of healthy runs, and WIDTH standard deviations.
function detectors.band(values)
  local interval = stats.interval(values)
  return { interval.mean - WIDTH * interval.sd, interval.mean + WIDTH * interval.sd }
end

--- detectors.reading(m, reads) → metrics in which a report took others: reads = { ["test/elbo"] = "train/elbo" }.
function detectors.reading(m, reads)
  if not reads then return m end
  return setmetatable({}, { __index = function(_, name) return m[reads[name] or name] end })
end

--- detectors.fires(d, m, band) → whether the detector d fires for a run with metrics m; band: { low, high } where
-- healthy runs set it.  What is not a number fires too.
function detectors.fires(d, m, band)
  local value, low, high = d.value(m), d.low, d.high
  if band then low, high = band[1], band[2] end
  return value ~= value or low ~= nil and value < low or high ~= nil and value > high
end

--- detectors.alarms(m) → the share of the detectors with a band from theory that fire.
function detectors.alarms(m)
  local count, fired = 0, 0
  for _, d in ipairs(list) do
    if d.basis == "theory" then
      count = count + 1
      if detectors.fires(d, m) then fired = fired + 1 end
    end
  end
  return fired / count
end

-- The number of detectors that fire for a run with metrics m, of those that no weights make fire; nil without an audit.
local function false_reports(m)
  if not m["audit/elbo"] then return nil end
  local count = 0
  for _, d in ipairs(list) do
    if d.audit and m["audit/" .. d.audit] and detectors.fires(d, m) then count = count + 1 end
  end
  return count
end

--- detectors.claim { where = { mistake = "none" }, profile = "quick" } → a lab.claim for an experiment whose runs have
-- lab.eval.audit, dynamic binarisation and the prior N(0, I): the numbers that the models report are true of their
-- weights.  Its value is the mean number of detectors that fire in a run, of those that no weights make fire.  Half a
-- KL makes one or two fire in every run, half the noise three or four.
function detectors.claim(options)
  return claims.claim {
    "the reported numbers are true of the weights", quantity = "alarms a run", where = options.where, at_most = 0,
    profile = options.profile, judged_by_mean = "one alarm is a finding: a healthy run raises it once in thousands",
    across = function(runs)
      local counts = {}
      for i, run in ipairs(runs) do
        counts[i] = false_reports(run.metrics)
        if not counts[i] then return nil, "a run has no lab.eval.audit" end
      end
      return counts
    end,
  }
end

return detectors
