-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/records.lua: what the figures read from the database: configurations, originals, posteriors, last values.
--
-- A configuration is what the runs of one label share; its picture is that of its lowest seed, its numbers are over all seeds.

local style = require "vae_lab.style"

local records = {}

local function seed_less(a, b)
  local x, y = tonumber(a.seed), tonumber(b.seed)
  if x and y and x ~= y then return x < y end
  return a.id < b.id
end

--- records.configurations(ctx) → { {label =, title =, slug =, runs =, first = run}, … } in the order of the sweep.
function records.configurations(ctx)
  local list, by_label = {}, {}
  for _, run in ipairs(ctx.runs) do
    local label = run.label or ""
    if not by_label[label] then
      by_label[label] = { label = label, title = style.title(label), slug = style.slug(label), runs = {} }
      list[#list + 1] = by_label[label]
    end
    table.insert(by_label[label].runs, run)
  end
  local taken = {}
  for _, c in ipairs(list) do
    table.sort(c.runs, seed_less)
    c.first = c.runs[1]
    while taken[c.slug] do c.slug = c.slug .. "-" .. #list end
    taken[c.slug] = true
  end
  return list
end

--- The value of a run's setting, or nil.
function records.setting(run, name)
  local value = run.params and run.params[name]
  if value == nil then value = run[name] end
  return value
end

--- records.matches(run, of) → whether a run has these settings; where = { beta = 0, latent = { 2, 5 } }: a value, or one of a list.
function records.matches(run, where)
  for name, wanted in pairs(where) do
    local own, found = records.setting(run, name), false
    for _, value in ipairs(type(wanted) == "table" and wanted or { wanted }) do
      found = found or own == value or tostring(own) == tostring(value)
    end
    if not found then return false end
  end
  return true
end

--- records.groups(ctx, name) → { {rest =, points = { {x = value of the setting `name`, c = configuration}, … }}, … }, one a
-- combination of the other settings; the list of all values, ascending where they are numbers; whether they are.
function records.groups(ctx, name)
  local groups, by_rest, xs, seen, numbers = {}, {}, {}, {}, true
  for _, c in ipairs(records.configurations(ctx)) do
    local x = records.setting(c.first, name)
    if x ~= nil then
      local rest = style.without(c.label, name) -- what names a line
      if not by_rest[rest] then
        by_rest[rest] = { rest = rest, points = {} }
        groups[#groups + 1] = by_rest[rest]
      end
      x = tonumber(x) or x
      table.insert(by_rest[rest].points, { x = x, c = c })
      if not seen[x] then
        seen[x] = true
        xs[#xs + 1] = x
      end
      numbers = numbers and type(x) == "number"
    end
  end
  if numbers then table.sort(xs) end
  return groups, xs, numbers
end

--- records.source(ctx) → "data: digits grey, 3 seeds", the last line of every page.
function records.source(ctx, seeds)
  local names, seen = {}, {}
  for _, run in ipairs(ctx.runs) do
    if run.data and not seen[run.data] then
      seen[run.data] = true
      names[#names + 1] = run.data
    end
  end
  local text = #names > 0 and "data: " .. table.concat(names, "; ") or ""
  return seeds and text .. (text ~= "" and "; " or "") .. seeds or text
end

--- Number of latent dimensions of a run.
function records.latent(ctx, run)
  local latent = tonumber(run.latent) or run.params and tonumber(run.params.latent)
  if latent then return latent end
  local rows = ctx.db:query("SELECT length(mu) / 4 AS d FROM posterior WHERE run = ?1 LIMIT 1", run.id)
  if rows[1] then return rows[1].d end
  return ctx.model(run.id):width("z")
end

--- The configurations that live in a plane; says which do not.
function records.planar(ctx, what)
  local plane = {}
  for _, c in ipairs(records.configurations(ctx)) do
    local d = records.latent(ctx, c.first)
    if d == 2 then
      plane[#plane + 1] = c
    else
      ctx.note(string.format("%s: %s has %s latent dimensions, a plane is needed; left out", what, c.label, tostring(d)))
    end
  end
  return plane
end

--- The remark of a figure that needs a plane, on a model with these public names.
function records.no_plane(kind, widths)
  if widths.z == nil or widths.z == 2 then return nil end
  return string.format("lab.fig.%s needs a latent plane, and z has %d dimensions; lab.fig.means draws principal components of any number", kind,
    widths.z)
end

--- records.originals(ctx, run) → { width, height, count, examples, labels, image = function (example) → blob }, or nil.
function records.originals(ctx, run)
  local row = ctx.db:query("SELECT meta, bytes FROM artifact WHERE run = ?1 AND name = 'originals'", run.id)[1]
  if not row or not row.meta then return nil end
  local function number(key) return tonumber(row.meta:match('"' .. key .. '"%s*:%s*(%d+)')) end
  local function numbers(key)
    local list = {}
    local items = row.meta:match('"' .. key .. '"%s*:%s*%[([^%]]*)%]') or ""
    for item in items:gmatch("[^,%s]+") do list[#list + 1] = tonumber(item) or false end
    return list
  end
  local o = { width = number "width", height = number "height", count = number "count" }
  o.examples, o.labels = numbers "examples", numbers "labels"
  if not (o.width and o.height and o.count) or o.width < 1 or o.height < 1 then return nil end
  local size, place = o.width * o.height * 4, {}
  if #row.bytes < size * o.count then return nil end
  for i, example in ipairs(o.examples) do place[example] = i end
  function o.image(example)
    local i = place[example]
    return i and row.bytes:sub((i - 1) * size + 1, i * size)
  end
  o.dark = records.strokes(row.bytes:sub(1, size * math.min(o.count, 8)))
  return o
end

--- records.strokes(blob) → whether these pictures (float32) are strokes on an empty ground, which are printed dark on white; a photograph
-- is printed as it is.
function records.strokes(blob)
  local sum, seen = 0, 0
  for at = 1, #blob - 3, 4 * 3 do
    sum, seen = sum + string.unpack("<f", blob, at), seen + 1
  end
  return sum / seen < 0.4
end

local function floats(blob)
  local list = {}
  for i = 1, #blob // 4 do list[i] = string.unpack("<f", blob, 4 * i - 3) end
  return list
end

--- records.posteriors(ctx, run) → { {example, label, mu = {…}, sigma = {…}}, … } by example.
function records.posteriors(ctx, run)
  local rows = ctx.db:query("SELECT example, label, mu, sigma FROM posterior WHERE run = ?1 ORDER BY example", run.id)
  for _, row in ipairs(rows) do row.mu, row.sigma = floats(row.mu), floats(row.sigma) end
  return rows
end

--- The final value of a metric for every run of a configuration, finite ones only.
function records.finals(ctx, configuration, metric)
  local values = {}
  for _, run in ipairs(configuration.runs) do
    local row = ctx.db:query("SELECT value FROM last_values WHERE run = ?1 AND metric = ?2", run.id, metric)[1]
    if row and row.value then values[#values + 1] = row.value end
  end
  return values
end

--- The row of view `summary` for a configuration and a metric, or nil.
function records.summary(ctx, configuration, metric)
  local rows = ctx.db:query([[SELECT seeds, mean, sd, ci_low AS low, ci_high AS high FROM summary
      WHERE experiment = ?1 AND label = ?2 AND metric = ?3 AND (?4 IS NULL OR configuration = ?4) AND seeds > 0]],
    ctx.experiment, configuration.label, metric, configuration.first.configuration)
  return rows[1]
end

--- The metric as it is recorded: "elbo" → "test/elbo".
function records.metric_name(name) return name:find("/", 1, true) and name or "test/" .. name end

return records
