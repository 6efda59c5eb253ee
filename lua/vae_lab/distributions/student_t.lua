-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- distributions/student_t.lua: Student's t with a location and a scale: p(x|z) with tails so heavy that outliers do not
-- decide mu.

local check = require "vae_lab.check"
local tensor = require "vae_lab.tensor"
local base = require "vae_lab.distributions.base"
local location_scale = require "vae_lab.distributions.location_scale"

local LOG_PI = 1.1447298858494002

-- ---- functions of the degrees of freedom, a number or a tensor ------------------------------------------------------

local function log(x) return type(x) == "number" and math.log(x) or x:log() end

-- A number that is the same on every machine: the C library's log may differ in the last bit, and graph texts may not.
local function settled(x) return type(x) == "number" and check.settled(x) or x end

local SHIFT = 4 -- the series are taken at A = a + 4, where their next terms are below 1e-7

-- log Γ(a + ½) - log Γ(a) = ½ log A - 1/(8 A) + 1/(192 A³) - 1/(640 A⁵) + Σ_i log (a + i) / (a + i + ½), i = 0 … 3.
local function log_gamma_ratio(a)
  local A, product = a + SHIFT, 1
  for i = 0, SHIFT - 1 do product = product * ((a + i) / (a + i + 0.5)) end
  local r = 1 / A
  local r3 = r * r * r
  return 0.5 * log(A) - r / 8 + r3 / 192 - r3 * r * r / 640 + log(product)
end

-- Its derivative, ψ(a + ½) - ψ(a).
local function digamma_difference(a)
  local r, sum = 1 / (a + SHIFT), 0
  for i = 0, SHIFT - 1 do sum = sum + (1 / (a + i) - 1 / (a + i + 0.5)) end
  local r2 = r * r
  return r / 2 + r2 / 8 - r2 * r2 / 64 + r2 * r2 * r2 / 128 + sum
end

-- ---- the distribution -----------------------------------------------------------------------------------------------

-- Bailey 1994 (Mathematics of Computation 62): with two normals n, m and R² = n² + m², t = n sqrt(dof (exp(R² / dof) -
-- 1) / R²) is Student's t.  exp y - 1 is written as tanh(y / 2) (exp y + 1), which is accurate for small y.
local function draw(q, eps)
  local d = q.mu:width()
  local n, m = eps:slice(1, d), eps:slice(d + 1, d)
  local square = n ^ 2 + m ^ 2 + 1e-20 -- not 0, at which the square root has no gradient
  local y = square / q.dof
  return q.mu + q.logscale:exp() * n * (q.dof * ((0.5 * y):tanh() * (y:exp() + 1)) / square):sqrt()
end

--- lab.student_t(mu, logscale, dof) → mu + exp(logscale) · t of each feature, t Student's with `dof` degrees of
-- freedom: a number above 0, or a tensor, which may be trained.  Fields mu, logscale, dof, mean (= mu, for dof > 1).
-- Its KL divergences have no closed form.
local StudentT, new = base.class {
  name = "student_t", parameters = { "mu", "logscale", "dof" }, numbers = { dof = true },
  fields = { mean = function(q) return q.mu end },
  noise = { kind = "normal", per_feature = 2 }, from_noise = draw,
}

local function student_t(mu, logscale, dof)
  check.value("dof of lab.student_t", dof, { type = "number|tensor", above = 0 })
  return new(mu, logscale, dof)
end

--- p:log_prob(x) → Σ log Γ((dof + 1) / 2) - log Γ(dof / 2) - ½ log(pi dof) - logscale - (dof + 1) / 2 · log(1 + t² /
-- dof), nats per example, t = (x - mu) / exp(logscale).
function StudentT:log_prob(x)
  tensor.expect("x of log_prob", x)
  local dof, t = self.dof, (x - self.mu) * (-self.logscale):exp()
  local constant = settled(log_gamma_ratio(0.5 * dof) - 0.5 * log(dof) - 0.5 * LOG_PI)
  return (constant - self.logscale - (0.5 * dof + 0.5) * (t ^ 2 / dof):log1p()):sum("features")
end

--- q:entropy() → Σ (dof + 1) / 2 (ψ((dof + 1) / 2) - ψ(dof / 2)) + ½ log dof + log B(dof / 2, ½) + logscale, nats per
-- example.
function StudentT:entropy()
  local dof = self.dof
  local log_beta = 0.5 * LOG_PI - log_gamma_ratio(0.5 * dof) -- log B(dof / 2, ½)
  local constant = (0.5 * dof + 0.5) * digamma_difference(0.5 * dof) + 0.5 * log(dof) + log_beta
  return (self.logscale + 0 * self.mu + settled(constant)):sum("features")
end

local head_options = location_scale.options "logscale"
head_options.dof = { type = "string|number", above = 0, default = "one" }

return {
  new = student_t, head_options = head_options,
  --- net:student_t(d, { mean_act = "linear", logscale = "head", dof = "one", floor =, init =, bias_init =, name = }) →
  -- lab.student_t(mu, logscale, dof); the options are those of net:normal, with logscale in place of logvar.
  --   dof   "one": one trained number for all features; "shared": one for each; or a number: fixed.  Trained degrees of
  --         freedom are 1 + softplus(w), about 5 at first
  head = function(net, width, o)
    local mu, logscale = location_scale.head(net, width, o, "student_t", "logscale")
    local dof = o.dof
    if type(dof) == "string" then
      check.one_of("dof of :student_t:", dof, { "one", "shared" })
      local name = net.name .. "." .. (o.name and o.name .. "." or "") .. "dof"
      dof = 1 + tensor.param(name, 1, dof == "one" and 1 or width, "constant(4)"):softplus()
    end
    return student_t(mu, logscale, dof)
  end,
}
