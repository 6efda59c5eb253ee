-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/records.lua: everything that figures read from the database.
--
-- A configuration is what the runs of one label share.  Its pictures are those of its lowest seed; its numbers are over
-- all seeds.

local check = require "vae_lab.check"
local style = require "vae_lab.style"

local records = {}

local function seed_less(a, b)
  local x, y = tonumber(a.seed), tonumber(b.seed)
  if x and y and x ~= y then return x < y end
  return a.id < b.id
end

-- ---- configurations and their titles ---------------------------------------------------------------------------------

-- Where the value that begins at `from` ends: the label goes on with ", NAME=", a setting of the run.  A value that is
-- recorded is known; the text of another one, such as a schedule, is searched for the next setting.
local function value_end(label, from, value, settings)
  local text = value ~= nil and check.text(value)
  if text and label:sub(from, from + #text - 1) == text then
    local after = label:sub(from + #text, from + #text + 1)
    if after == "" or after == ", " then return from + #text - 1 end
  end
  local at = from
  while true do
    local comma, _, name = label:find(", ([%w_.]+)=", at)
    if not comma then return #label end
    if settings[name] ~= nil or not next(settings) then return comma - 1 end
    at = comma + 1
  end
end

--- records.settings_of(label, settings) → { { name =, value = text }, … }: the settings that a run's label holds;
-- { { text = label } } where it holds none.  settings: those of the run, { name = value }; empty: any name is one.
function records.settings_of(label, settings)
  local list, at = {}, 1
  while at <= #label do
    local name = label:match("^([%w_.]+)=", at)
    if not name then return { { text = label } } end
    local from = at + #name + 1
    local to = value_end(label, from, settings[name], settings)
    list[#list + 1] = { name = name, value = label:sub(from, to) }
    at = to + 3
  end
  return list
end

-- Only the settings in which the items differ; a single one keeps all.
local function varying(items)
  local values, count, different = {}, {}, {}
  for _, item in ipairs(items) do
    for _, s in ipairs(item.settings) do
      local name = s.name or ""
      count[name] = (count[name] or 0) + 1
      different[name] = different[name] or (values[name] or s.value) ~= s.value
      values[name] = s.value
    end
  end
  for _, item in ipairs(#items > 1 and items or {}) do
    local kept = {}
    for _, s in ipairs(item.settings) do
      if not s.name or different[s.name] or count[s.name] < #items then kept[#kept + 1] = s end
    end
    item.settings = kept
  end
end

local function titled(items, limit)
  local words, longest = {}, 0
  for _, item in ipairs(items) do
    for _, s in ipairs(item.settings) do
      words[#words + 1] = style.plain(s.value or s.text)
      if s.name then words[#words + 1] = style.setting(s.name) end
    end
  end
  local short = limit and style.shortened(words, limit)
  for _, item in ipairs(items) do
    item.title = style.title(item.settings, short)
    longest = math.max(longest, utf8.len(item.title))
  end
  return longest
end

--- records.set_titles(items): gives each item its `title`, made from its `settings`: at most 120 characters, 74 of more
-- than eight items; different for each item.
function records.set_titles(items)
  local limit, titles = #items > 8 and 74 or 120, {}
  local longest = titled(items)
  for _, words in ipairs { 64, 48, 32, 24, 16, 12, 8 } do
    if longest > limit then longest = titled(items, words) end
  end
  for i, item in ipairs(items) do titles[i] = item.title end
  titles = style.distinct(titles)
  local short = style.shortened(titles, limit)
  for i, item in ipairs(items) do item.title = short[titles[i]] end
end

--- records.title(settings) → the title of settings alone, at most 120 characters.
function records.title(settings)
  local item = { settings = settings }
  records.set_titles { item }
  return item.title
end

-- The end of a file's name for each configuration: from the label, or where that is long from what varies.
local function set_slugs(list)
  local taken = {}
  for _, c in ipairs(list) do
    local words = {}
    for i, s in ipairs(c.settings) do words[i] = s.name and s.name .. "-" .. s.value or s.text end
    local slug = style.slug(#c.label > style.slug_length and table.concat(words, "-") or c.label)
    local n = 1
    c.slug = slug
    while taken[c.slug] do
      n = n + 1
      c.slug = slug:sub(1, style.slug_length - #tostring(n) - 1) .. "-" .. n
    end
    taken[c.slug] = true
  end
end

--- records.configurations(ctx) → { {label =, settings =, title =, slug =, runs =, first = run}, … } in the order of the
-- sweep.  settings: those in which the configurations differ.
function records.configurations(ctx)
  local list, by_label = {}, {}
  for _, run in ipairs(ctx.runs) do
    local label = run.label or ""
    if not by_label[label] then
      by_label[label] = { label = label, settings = records.settings_of(label, run.params or {}), runs = {} }
      list[#list + 1] = by_label[label]
    end
    table.insert(by_label[label].runs, run)
  end
  for _, c in ipairs(list) do
    table.sort(c.runs, seed_less)
    c.first = c.runs[1]
  end
  varying(list)
  records.set_titles(list)
  set_slugs(list)
  return list
end

--- The value of a run's setting, or nil.
function records.setting(run, name)
  local value = run.params and run.params[name]
  if value == nil then value = run[name] end
  return value
end

--- records.matches(run, where) → whether a run has these settings; where = { beta = 0, latent = { 2, 5 } }: a value, or
-- one of a list.
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

local function identity_of(settings)
  local out = {}
  for i, s in ipairs(settings) do out[i] = string.format("%s=%q", s.name or "", s.value or s.text) end
  return table.concat(out, ",")
end

--- records.groups(ctx, name) → { {settings = the others, title =, points = { {x = value of the setting `name`,
-- c = configuration}, … }}, … }, one for each combination of the other settings; and the list of all values, ascending
-- where they are numbers.
function records.groups(ctx, name)
  local groups, by_rest, xs, seen, numbers = {}, {}, {}, {}, true
  for _, c in ipairs(records.configurations(ctx)) do
    local x = records.setting(c.first, name)
    if x ~= nil then
      local rest = style.without(c.settings, name) -- what names a line
      local identity = identity_of(rest)
      if not by_rest[identity] then
        by_rest[identity] = { settings = rest, points = {} }
        groups[#groups + 1] = by_rest[identity]
      end
      x = tonumber(x) or x
      table.insert(by_rest[identity].points, { x = x, c = c })
      if not seen[x] then seen[x], xs[#xs + 1] = true, x end
      numbers = numbers and type(x) == "number"
    end
  end
  if numbers then table.sort(xs) end
  records.set_titles(groups)
  return groups, xs
end

--- records.groups_by(groups, name) → { group = { settings = those of the group but `name`, title = } }, where groups
-- with the same such settings share a table.
function records.groups_by(groups, name)
  local of, by_rest, list = {}, {}, {}
  for _, group in ipairs(groups) do
    local rest = style.without(group.settings, name)
    local identity = identity_of(rest)
    if not by_rest[identity] then
      by_rest[identity] = { settings = rest }
      list[#list + 1] = by_rest[identity]
    end
    of[group] = by_rest[identity]
  end
  records.set_titles(list)
  return of
end

--- records.source(ctx, seed) → "data: digits, grey; seed 1", the last line of every page.
function records.source(ctx, seed)
  local names, seen = {}, {}
  for _, run in ipairs(ctx.runs) do
    if run.data and not seen[run.data] then seen[run.data], names[#names + 1] = true, run.data end
  end
  local data = style.plain(table.concat(names, "; "))
  local text = #names > 0 and "data: " .. style.shortened({ data }, 300)[data] or ""
  return seed and text .. (text ~= "" and "; " or "") .. seed or text
end

--- Number of latent dimensions of a run.
function records.latent(ctx, run)
  local latent = tonumber(run.latent) or run.params and tonumber(run.params.latent)
  if latent then return latent end
  local rows = ctx.db:query("SELECT length(mu) / 4 AS d FROM posterior WHERE run = ?1 LIMIT 1", run.id)
  return rows[1] and rows[1].d or ctx.model(run.id):width("z")
end

--- The configurations with two latent dimensions; a note names the others.
function records.planar(ctx)
  local plane = {}
  for _, c in ipairs(records.configurations(ctx)) do
    local d = records.latent(ctx, c.first)
    if d == 2 then
      plane[#plane + 1] = c
    else
      ctx.note(string.format("%s has %s latent dimensions and this figure needs 2; left out", c.label, tostring(d)))
    end
  end
  return plane
end

--- records.own_prior(ctx, run) → whether the run's model has a prior other than N(0, I) (build.lua: "prior.logp").
function records.own_prior(ctx, run)
  local row = ctx.db:query("SELECT instr(graph, char(10) || 'name prior.logp ') > 0 AS own FROM run WHERE id = ?1", run.id)
  return row[1] ~= nil and row[1].own == 1
end

--- records.standard(ctx, list) → the configurations of a list whose prior is N(0, I); a note names the others.
function records.standard(ctx, list)
  local out = {}
  for _, c in ipairs(list) do
    if records.own_prior(ctx, c.first) then
      ctx.note(c.label .. " has a prior of its own and this figure is of N(0, I); left out")
    else
      out[#out + 1] = c
    end
  end
  return out
end

--- The function `remark` (figures.lua) of a kind of figure that needs two latent dimensions.
function records.needs_plane(kind)
  return function(_, widths)
    if widths.z == nil or widths.z == 2 then return nil end
    return string.format("lab.fig.%s needs 2 latent dimensions, and z has %d dimensions; lab.fig.means draws principal "
      .. "components of any number", kind, widths.z)
  end
end

-- ---- artifacts ------------------------------------------------------------------------------------------------------

--- records.artifact(ctx, run, name) → its bytes and function (key) → the numbers under a key of its JSON, a list; nil:
-- not recorded.  null becomes false.
function records.artifact(ctx, run, name)
  local row = ctx.db:query("SELECT meta, bytes FROM artifact WHERE run = ?1 AND name = ?2", run.id, name)[1]
  if not row then return nil end
  return row.bytes, function(key)
    local list = {}
    for i, item in ipairs(ctx.db:query("SELECT value FROM json_each(?1, '$.' || ?2)", row.meta or "{}", key)) do
      list[i] = item.value ~= nil and item.value
    end
    return list
  end
end

--- records.originals(ctx, run) → { width, height, dark, image = function (example) → blob }, or nil.
function records.originals(ctx, run)
  local bytes, numbers = records.artifact(ctx, run, "originals")
  if not bytes then return nil end
  local o, count, place = { width = numbers("width")[1], height = numbers("height")[1] }, numbers("count")[1], {}
  if not (o.width and o.height and count) or o.width < 1 or o.height < 1 then return nil end
  local size = o.width * o.height * 4
  if #bytes < size * count then return nil end
  for i, example in ipairs(numbers "examples") do place[example] = i end
  function o.image(example)
    local i = place[example]
    return i and bytes:sub((i - 1) * size + 1, i * size)
  end
  o.dark = records.strokes(bytes:sub(1, size * math.min(count, 8)))
  return o
end

--- records.strokes(blob) → whether these pictures (float32) are strokes on an empty ground, which are printed dark on
-- white; photographs are printed as they are.
function records.strokes(blob)
  local sum, seen = 0, 0
  for at = 1, #blob - 3, 4 * 3 do
    sum, seen = sum + string.unpack("<f", blob, at), seen + 1
  end
  return sum / seen < 0.4
end

--- records.floats(blob) → its float32 values, a list.
function records.floats(blob)
  local list = {}
  for i = 1, #blob // 4 do list[i] = string.unpack("<f", blob, 4 * i - 3) end
  return list
end

--- records.posteriors(ctx, run) → { {example, label, mu = {…}, sigma = {…}}, … } by example.
function records.posteriors(ctx, run)
  local rows = ctx.db:query("SELECT example, label, mu, sigma FROM posterior WHERE run = ?1 ORDER BY example", run.id)
  for _, row in ipairs(rows) do row.mu, row.sigma = records.floats(row.mu), records.floats(row.sigma) end
  return rows
end

--- records.ellipses(ctx, run) → { { example, label, mu1, mu2, major, minor, angle }, … } at one standard deviation, by
-- example.
function records.ellipses(ctx, run)
  return ctx.db:query([[SELECT example, label, mu1, mu2, major, minor, angle FROM ellipses
      WHERE run = ?1 ORDER BY example]], run.id)
end

-- ---- numbers --------------------------------------------------------------------------------------------------------

--- The final value of a metric of one run, or nil.
function records.final(ctx, run, metric)
  local row = ctx.db:query("SELECT value FROM last_values WHERE run = ?1 AND metric = ?2", run.id, metric)[1]
  return row and row.value
end

--- The final value of a metric for every run of a configuration, finite ones only.
function records.finals(ctx, configuration, metric)
  local values = {}
  for _, run in ipairs(configuration.runs) do values[#values + 1] = records.final(ctx, run, metric) end
  return values
end

--- The names of a run's metrics that begin with `prefix`, in alphabetical order.
function records.metric_names(ctx, run, prefix)
  local names = {}
  local rows = ctx.db:query([[SELECT metric FROM last_values
      WHERE run = ?1 AND substr(metric, 1, length(?2)) = ?2 ORDER BY metric]], run.id, prefix)
  for i, row in ipairs(rows) do names[i] = row.metric end
  return names
end

--- records.curve(ctx, run, metric) → { { step, value or nil }, … } over the epochs.
function records.curve(ctx, run, metric)
  return ctx.db:query([[SELECT step, value FROM curves
      WHERE run = ?1 AND experiment = ?2 AND metric = ?3 ORDER BY step]], run.id, ctx.experiment, metric)
end

--- The summary of a metric over the seeds of a configuration: { seeds, mean, sd, low, high }, without sd, low and high
-- where there is one seed; nil: not recorded.
function records.summary(ctx, configuration, metric)
  local rows = ctx.db:query([[SELECT seeds, mean, sd, ci_low AS low, ci_high AS high FROM summary
      WHERE experiment = ?1 AND label = ?2 AND metric = ?3 AND (?4 IS NULL OR configuration = ?4) AND seeds > 0]],
    ctx.experiment, configuration.label, metric, configuration.first.configuration)
  return rows[1] and rows[1].mean and rows[1] or nil
end

--- The metric as it is recorded: "elbo" → "test/elbo".
function records.metric_name(name) return name:find("/", 1, true) and name or "test/" .. name end

--- The largest number of seeds of a configuration in the list.
function records.most_seeds(list)
  local most = 1
  for _, c in ipairs(list) do most = math.max(most, #c.runs) end
  return most
end

--- The words of a note about means over this many seeds; `interval`: how the page shows their 95 % interval.
function records.over_seeds(seeds, interval)
  return seeds > 1 and string.format("mean over %d seeds%s", seeds, interval or "") or "one seed: no interval"
end

return records
