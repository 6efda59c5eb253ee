-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- style.lua: how every figure looks: colours, dashes, points, sizes, and how settings and numbers are spelt.
--
-- Promise: nothing is shown by colour alone; every text is at least 8 pt; colours are Okabe and Ito's (2008),
-- distinguishable with any kind of colour vision.

local plot = require "vae_lab.native.plot"

local style = {}

-- ---- colours --------------------------------------------------------------------------------------------------------

-- Okabe and Ito's eight, those with most contrast on white first; yellow, the palest, is left for fills.
style.colours = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000" }

-- Ten classes: the same, a darker yellow, grey and brown, chosen to differ from them in lightness too.
style.classes = {
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#A89A00", "#8A8A8A", "#5D2E0C",
}

style.ink, style.soft, style.faint = "#000000", "#555555", "#BBBBBB"

-- Dash patterns: on, off, … in fifths of the line's width.
style.dashes = { "solid", "(16,9)", "(4,6)", "(16,6,4,6)", "(30,9)", "(16,6,4,6,4,6)", "(8,4)" }
style.circles = { "(5,5)", "(14,8)" } -- the prior's, at 1 and 2 standard deviations

-- Point types, filled and open, that differ at small size; no triangles: below 2 pt gnuplot's pdf draws them flat.
style.points = { 7, 5, 13, 6, 4, 12, 15, 2, 14, 1 }

local function pick(list, i) return list[(i - 1) % #list + 1] end

function style.colour(i) return pick(style.colours, i) end
function style.point(i) return pick(style.points, i) end
function style.dash(i) return pick(style.dashes, i) end

--- style.look(i) → how the i-th of several things is drawn: { colour, dash, point }.
function style.look(i) return { colour = style.colour(i), dash = style.dash(i), point = style.point(i) } end

--- style.class_look(label) → how a class is drawn, -1: examples without labels.
function style.class_look(label)
  if label < 0 then return { colour = style.ink, point = 7 } end
  return { colour = pick(style.classes, label + 1), point = pick(style.points, label + 1) }
end

-- ---- text -----------------------------------------------------------------------------------------------------------

style.text = plot.quote -- any text as a gnuplot string, right in every format

--- style.number(v, digits) → "−0.012": a true minus, no more digits than asked for (3), no trailing zeros.
function style.number(v, digits)
  if v ~= v then return "not a number" end
  local text = string.format("%." .. (digits or 3) .. "g", v)
  if text:find("e", 1, true) and math.abs(v) < 1e7 and math.abs(v) >= 1e-4 then text = string.format("%.0f", v) end
  local mantissa, exponent = text:match("^(.-)e([+-]%d+)$")
  if mantissa then text = mantissa .. "e" .. exponent:gsub("^%+", ""):gsub("^(-?)0+", "%1") end
  return (text:gsub("%-", "−"))
end

-- Settings by the symbols and words of the papers; {a, b} reads "a VALUE b".
local settings = {
  beta = "β", lambda = "λ", alpha = "α", gamma = "γ", tau = "τ", sigma = "σ",
  k = "k", K = "K", n = "n",
}
local counted = {
  latent = { "latent dimension", "latent dimensions" }, hidden = { "hidden unit", "hidden units" },
  samples = { "sample", "samples" }, seen = { "training sample seen", "training samples seen" },
  examples = { "training example", "training examples" }, layers = { "layer", "layers" },
  epochs = { "epoch", "epochs" },
}

--- style.setting(name) → the words for a setting on an axis: "β", "latent dimensions", "learning rate".
function style.setting(name)
  if settings[name] then return settings[name] end
  if counted[name] then return counted[name][2] end
  return (name:gsub("_", " "))
end

-- The settings of a label, "NAME=VALUE" each, separated by spaces, commas or semicolons outside parentheses.
local function split(label)
  local parts, depth = {}, 0
  for part in label:gmatch("[^%s,;]+") do
    if depth > 0 then parts[#parts] = parts[#parts] .. " " .. part else parts[#parts + 1] = part end
    depth = depth + select(2, part:gsub("%(", "")) - select(2, part:gsub("%)", ""))
  end
  return parts
end

-- Settings whose value needs no name before it.
local named = {
  model = { vae = "VAE", autoencoder = "autoencoder" }, mistake = { none = "no mistake" },
  rng = {}, world = { vae = "a VAE", gaussian = "a Gaussian world" },
  method = { aevb = "AEVB", ["wake-sleep"] = "wake-sleep", mcem = "Monte Carlo EM" },
}

--- style.title("beta=0.01 latent=2") → "β = 0.01, 2 latent dimensions"; "noise=false" → "without noise".
function style.title(label)
  if label == nil or label == "" then return "the model" end
  local parts = {}
  for _, part in ipairs(split(label)) do
    local name, value = part:match("^([%w_.]+)=(.+)$")
    if not name then
      parts[#parts + 1] = part
    elseif counted[name] and tonumber(value) then
      parts[#parts + 1] = value .. " " .. counted[name][tonumber(value) == 1 and 1 or 2]
    elseif value == "true" or value == "false" then
      parts[#parts + 1] = (value == "true" and "with " or "without ") .. style.setting(name)
    elseif named[name] then
      parts[#parts + 1] = named[name][value] or (value:gsub("_", " "))
    else
      parts[#parts + 1] = style.setting(name) .. " = " .. (tonumber(value) and value:gsub("%-", "−") or value)
    end
  end
  return table.concat(parts, ", ")
end

--- style.without("beta=1, latent=2", "latent") → "beta=1": a label without one of its settings.
function style.without(label, name)
  local parts = {}
  for _, part in ipairs(split(label)) do
    if part:match("^([%w_.]+)=") ~= name then parts[#parts + 1] = part end
  end
  return table.concat(parts, " ")
end

--- style.slug("beta=0.01") → "beta-0.01", for the name of a file.
function style.slug(label)
  local slug = (label or ""):gsub("[^%w.]+", "-"):gsub("^[-.]+", ""):gsub("[-.]+$", "")
  return slug == "" and "model" or slug:sub(1, 48)
end

-- Metrics in plain words: title of an axis; unit; share: between 0 and 1; positive: never below 0.
local metrics = {
  elbo = { "ELBO", "nats per example" },
  bound = { "objective", "nats per example" },
  reconstruction = { "reconstruction", "nats per example" },
  kl = { "KL to the prior", "nats per example", positive = true },
  nll = { "negative log-likelihood", "nats per example", positive = true },
  ["marginal/test"] = { "log p(x) of test examples", "log p(x), nats per example" },
  ["marginal/train"] = { "log p(x) of training examples", "log p(x), nats per example" },
  ["latent/hole_fraction"] = { "prior mass that no ellipse covers", "share", share = true },
  ["latent/hole_density"] = { "prior draws where q(z) is nearly empty", "share", share = true },
  ["latent/overlap"] = { "overlap of two images' ellipses", "0 apart, 1 the same", share = true },
  ["latent/active_units"] = { "latent dimensions in use", "count", positive = true },
  ["latent/spread"] = { "spread of the means", "standard deviation (prior: 1)", positive = true },
  ["latent/sigma"] = { "mean width of an ellipse", "standard deviation (prior: 1)", positive = true },
  ["latent/knn_agreement"] = { "neighbours of the same class", "share", share = true },
  ["compression/mse"] = { "reconstruction error", "squared error per pixel", positive = true },
  ["property/order"] = { "distances in pixels and in the plane", "rank correlation", share = true },
  ["property/neighbours"] = { "neighbours of the same class", "share", share = true },
  ["property/holes"] = { "prior mass that no ellipse covers", "share", share = true },
  ["property/validity"] = { "Gaussian draws judged decoded images", "0 never, 1 as often", share = true },
  ["property/apart"] = { "distance to the nearest other class", "in class widths", positive = true },
  ["property/overlap"] = { "overlap of two classes' ellipses", "0 apart, 1 the same", share = true },
  ["property/within"] = { "width of a class", "standard deviation (prior: 1)", positive = true },
  ["property/grain"] = { "width of an ellipse over that of its class", "0 dust, 1 collapsed", positive = true },
  ["property/active_units"] = { "latent dimensions in use", "count", positive = true },
  ["sample/validity"] = { "prior samples judged decoded images", "0 never, 1 as often", share = true },
  ["sample/clear"] = { "prior samples that are one clear digit", "share", share = true },
  ["sample/coverage"] = { "classes that prior samples cover", "share", share = true },
  mutual_information = { "mutual information of x and z", "nats per example", positive = true },
  total_correlation = { "total correlation of the latent units", "nats per example" },
  dimension_kl = { "dimension-wise KL to the prior", "nats per example" },
  marginal_kl = { "KL of q(z) to the prior", "nats per example" },
  rate = { "rate: KL to the prior", "nats per example", positive = true },
  distortion = { "distortion: −reconstruction", "nats per example" },
  ["gap/amortisation"] = { "amortisation gap (encoder)", "nats per example", positive = true },
  ["gap/approximation"] = { "approximation gap (Gaussian)", "nats per example", positive = true },
  ["gap/inference"] = { "inference gap: log p(x) − ELBO", "nats per example", positive = true },
  ["posterior/kl"] = { "KL of q to the true posterior", "nats per example", positive = true },
  ["reconstruction/clear"] = { "reconstructions that are one clear digit", "share", share = true },
  ["sample/classes"] = { "classes among the prior samples", "count", positive = true },
}

--- style.metric("test/elbo") → { title =, unit =, share =, positive = }.
function style.metric(name)
  local known = metrics[name] or metrics[name:match("[^/]*$")] -- "latent/spread", or the last word of "final/test/elbo"
  if known then
    local share = known.share or false
    return { title = known[1], unit = known[2], share = share, positive = known.positive or share }
  end
  return { title = (name:gsub("^test/", ""):gsub("[_/]", " ")), unit = "", share = false, positive = false }
end

return style
