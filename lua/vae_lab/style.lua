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

-- Bytes that are not UTF-8 as Lua spells them: "\\xFF".
local function valid_utf8(text)
  local out, at = {}, 1
  while at <= #text do
    local length, bad = utf8.len(text, at)
    if length then
      out[#out + 1] = text:sub(at)
      break
    end
    out[#out + 1], out[#out + 2] = text:sub(at, bad - 1), string.format("\\x%02X", text:byte(bad))
    at = bad + 1
  end
  return table.concat(out)
end

local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }

local function spelt(c) return escapes[c] or string.format("\\x%02X", c:byte()) end
local function spelt_code(c) return string.format("\\u{%X}", utf8.codepoint(c)) end

--- style.plain(text) → one line that any font and terminal can show: control characters, also those of the direction of
-- writing, as Lua spells them, "\n", "\x1B" and "\u{202E}", and one space for several.
function style.plain(text)
  text = valid_utf8(text):gsub("[\0-\31\127]", spelt)
  text = text:gsub("\u{2028}", spelt_code):gsub("\u{2029}", spelt_code)
  text = text:gsub("\xE2\x80[\xAA-\xAE]", spelt_code):gsub("\xE2\x81[\xA6-\xA9]", spelt_code)
  return (text:gsub(" +", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- The first `count` characters of a text; the last ones.
local function head(text, count) return text:sub(1, (utf8.offset(text, count + 1) or #text + 1) - 1) end
local function tail(text, count) return text:sub(utf8.offset(text, -count) or 1) end

--- style.distinct(texts) → the same list, where a number tells apart those that are equal: "a", "a (2)".
function style.distinct(texts)
  local out, taken = {}, {}
  for i, text in ipairs(texts) do
    local try, n = text, 1
    while taken[try] do
      n = n + 1
      try = text .. " (" .. n .. ")"
    end
    out[i], taken[try] = try, true
  end
  return out
end

--- style.shortened(texts, limit) → { text = the same with at most `limit` characters }: the middle of longer ones is
-- left out.  Two different texts stay different: a number tells them apart where nothing else does.
function style.shortened(texts, limit)
  local short, taken = {}, {}
  for _, text in ipairs(texts) do
    if utf8.len(text) <= limit then short[text], taken[text] = text, true end
  end
  for _, text in ipairs(texts) do
    if not short[text] then
      local last, n = (limit - 1) // 3, 1
      local try = head(text, limit - 1 - last) .. "…" .. (last > 0 and tail(text, last) or "")
      while taken[try] do
        n = n + 1
        try = head(text, math.max(1, limit - 1 - #tostring(n))) .. "…" .. n
      end
      short[text], taken[try] = try, true
    end
  end
  return short
end

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

-- Settings whose value needs no name before it.
local named = {
  model = { vae = "VAE", autoencoder = "autoencoder" }, mistake = { none = "no mistake" },
  rng = {}, world = { vae = "a VAE", gaussian = "a Gaussian world" },
  method = { aevb = "AEVB", ["wake-sleep"] = "wake-sleep", mcem = "Monte Carlo EM" },
}

-- A value beside other settings: in quotation marks where its own commas would separate it.
local function quoted(value)
  local bare = value:gsub("%b()", "")
  return (value == "" or bare:find "[,;=]") and "“" .. value .. "”" or value
end

--- style.title({ { name = "beta", value = "0.01" }, { name = "latent", value = "2" } }, short) → "β = 0.01, 2 latent
-- dimensions"; noise = false → "without noise"; { text = … }: this text.  short: a table { text = shorter text } for
-- the names and values that are too long.
function style.title(settings, short)
  if #settings == 0 then return "the model" end
  local parts = {}
  for i, s in ipairs(settings) do
    local name, value = style.setting(s.name or ""), style.plain(s.value or s.text)
    if short then name, value = short[name] or name, short[value] or value end
    if not s.name then
      parts[i] = value
    elseif counted[s.name] and tonumber(value) then
      parts[i] = value .. " " .. counted[s.name][tonumber(value) == 1 and 1 or 2]
    elseif value == "true" or value == "false" then
      parts[i] = (value == "true" and "with " or "without ") .. name
    elseif named[s.name] then
      parts[i] = named[s.name][value] or (value:gsub("_", " "))
    else
      parts[i] = name .. " = " .. (tonumber(value) and value:gsub("%-", "−") or quoted(value))
    end
  end
  return table.concat(parts, ", ")
end

--- style.without(settings, name) → the same settings without one.
function style.without(settings, name)
  local rest = {}
  for _, s in ipairs(settings) do
    if s.name ~= name then rest[#rest + 1] = s end
  end
  return rest
end

--- The longest slug: the name of a figure's file may have 79 characters, 30 of them the figure's own name.
style.slug_length = 48

--- style.slug("beta=0.01") → "beta-0.01", for the name of a file.
function style.slug(label)
  local slug = label:gsub("[^%w.]+", "-"):gsub("^[-.]+", ""):gsub("[-.]+$", "")
  return slug == "" and "model" or slug:sub(1, style.slug_length)
end

-- Metrics in plain words: title of an axis; unit; share: between 0 and 1; positive: never below 0.
local metrics = {
  elbo = { "ELBO", "nats per example" },
  bound = { "objective", "nats per example" },
  reconstruction = { "reconstruction", "nats per example" },
  kl = { "KL to the prior", "nats per example", positive = true },
  nll = { "negative log-likelihood", "nats per example", positive = true },
  ["lower_bound/test"] = { "log p(x) of test examples", "lower bound of log p(x), nats per example" },
  ["lower_bound/train"] = { "log p(x) of training examples", "lower bound of log p(x), nats per example" },
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
  ["property/auc"] = { "Gaussian draws told from images", "AUC: 0.5 by chance, 1 always" },
  ["property/apart"] = { "distance to the nearest other class", "in class widths", positive = true },
  ["property/overlap"] = { "overlap of two classes' ellipses", "0 apart, 1 the same", share = true },
  ["property/within"] = { "width of a class", "standard deviation (prior: 1)", positive = true },
  ["property/grain"] = { "width of an ellipse over that of its class", "0 dust, 1 collapsed", positive = true },
  ["property/active_units"] = { "latent dimensions in use", "count", positive = true },
  ["sample/auc"] = { "draws told from reconstructions", "AUC: 0.5 by chance, 1 always" },
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
  return { title = style.plain(name):gsub("^test/", ""):gsub("[_/]", " "), unit = "", share = false, positive = false }
end

return style
