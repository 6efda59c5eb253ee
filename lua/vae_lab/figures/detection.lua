-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/detection.lua: which check detects which planted bug: a map of mutations (rows) and detectors (columns).
--
-- What it shows: a tile is as dark as the share of seeds in which the detector fires (its power); the number in it is
-- the epoch at which it fires first, for detectors that are computed at every epoch.  Bands that no theory gives are
-- those of the runs "calibration" (detectors.lua); the first row counts the false alarms of other healthy runs, "none".
-- On the right is what the bug costs: the recomputed ELBO minus that of the healthy run of the same seed.

local axes = require "vae_lab.figures.common.axes"
local check = require "vae_lab.check"
local detectors = require "vae_lab.detectors"
local records = require "vae_lab.figures.common.records"
local style = require "vae_lab.style"

local detection = {
  about = "which check detects which planted bug, in which share of seeds, and how soon",
  options = {
    setting = { type = "string", default = "mutation" }, groups = { type = "list", required = true },
    reads = { type = "table", default = {} }, pages = { type = "integer", min = 1, max = 4, default = 1 },
    summary = { type = "boolean", default = false },
  },
}

local DETECTED = 0.8 -- the least power of a detector that is said to detect a bug
local COST = { value = function(m) return m["audit/elbo"] end }

local group_rules = {
  title = { type = "string", required = true }, names = { type = "list", required = true },
  titles = { type = "list", required = true },
}

--- lab.fig.detection { setting = "mutation", groups = { { title = "KL term", names = { "kl_half", … }, titles = { "½ of
-- the KL", … } }, … }, reads = {}, pages = 1, summary = false }: for runs whose setting is one of the names,
-- "calibration" or "none".
--   reads     { NAME = { ["test/elbo"] = "train/elbo" } }: bugs of a report that takes a wrong metric
--   pages     over so many pages, each with whole groups
--   summary   one row for each group: how many of its bugs are detected with a power of at least 0.8
function detection.check(options)
  for i, group in ipairs(options.groups) do
    check.options("group " .. i .. " of lab.fig.detection", group, group_rules)
  end
end

-- ---- the metrics of a run -------------------------------------------------------------------------------------------

-- Metrics by name: NaN where what was recorded is not finite; raises `missing` where nothing was.
local missing = {}
local function strict(values)
  return setmetatable({}, { __index = function(_, name)
    local value = values[name]
    if value == nil then error(missing) end
    return value or 0 / 0
  end })
end

local function last_values(ctx, run)
  local values = {}
  for _, row in ipairs(ctx.db:query("SELECT metric, value FROM last_values WHERE run = ?1", run.id)) do
    values[row.metric] = row.value or false
  end
  return strict(values)
end

local of_epochs = { "reported_elbo", "reported_kl", "elbo", "kl", "ink", "data_ink" }

-- → the metrics of each epoch at which the test split was evaluated, in order.
local function epochs_of(ctx, run)
  local by_step, list = {}, {}
  for _, split in ipairs { "test", "train" } do
    for _, name in ipairs(of_epochs) do
      for _, row in ipairs(records.curve(ctx, run, split .. "/" .. name)) do
        if split == "test" and not by_step[row.step] then
          by_step[row.step] = {}
          list[#list + 1] = row.step
        end
        if by_step[row.step] then by_step[row.step][split .. "/" .. name] = row.value or false end
      end
    end
  end
  table.sort(list)
  for i, step in ipairs(list) do list[i] = strict(by_step[step]) end
  return list
end

-- d.value(m), or nil where a metric was not recorded.
local function value_of(d, m)
  local good, value = pcall(d.value, m)
  if good then return value end
  if value ~= missing then error(value, 0) end
end

-- ---- bands, power, epochs -------------------------------------------------------------------------------------------

-- { [0] = band of the final value, band of epoch 1, … } of a detector, from calibration runs { last =, epochs = }.
local function bands_of(d, runs)
  if d.basis == "theory" or #runs < 2 then return {} end
  local bands = {}
  for epoch = 0, d.each_epoch and #runs[1].epochs or 0 do
    local values = {}
    for _, run in ipairs(runs) do
      local m = epoch == 0 and run.last or run.epochs[epoch]
      values[#values + 1] = m and value_of(d, m)
    end
    bands[epoch] = #values > 1 and detectors.band(values) or nil
  end
  return bands
end

local function fires(d, m, band, reads)
  m = detectors.reading(m, reads)
  if value_of(d, m) == nil or d.basis == "healthy" and not band then return nil end
  return detectors.fires(d, m, band)
end

local function first_epoch(d, run, bands, reads)
  for epoch, m in ipairs(run.epochs) do
    if fires(d, m, bands[epoch], reads) then return epoch end
  end
end

-- → { power =, epoch = the median of the first epochs, or nil } of a detector over the runs of a mutation; or nil.
local function tile_of(d, runs, bands, reads)
  local fired, count, firsts = 0, 0, {}
  for _, run in ipairs(runs) do
    local hit = fires(d, run.last, bands[0], reads)
    if hit ~= nil then count = count + 1 end
    if hit then
      fired = fired + 1
      firsts[#firsts + 1] = d.each_epoch and first_epoch(d, run, bands, reads) or nil
    end
  end
  if count == 0 then return nil end
  table.sort(firsts)
  return { power = fired / count, fired = fired, epoch = firsts[(#firsts + 1) // 2] }
end

-- The mean of the recomputed ELBO minus that of the healthy run with the same seed; nil on other pixels.
local function cost_of(runs, healthy)
  local sum, count = 0, 0
  for _, run in ipairs(runs) do
    local other = healthy[tostring(run.seed)]
    local a, b = value_of(COST, run.last), other and value_of(COST, other.last)
    if a and b and run.pixels == other.pixels then sum, count = sum + a - b, count + 1 end
  end
  return count > 0 and sum / count or nil
end

-- ---- rows -----------------------------------------------------------------------------------------------------------

-- { name = runs, each { seed =, pixels =, last =, epochs = } }.
local function runs_by_name(ctx, setting)
  local found = {}
  for _, run in ipairs(ctx.runs) do
    local name = records.setting(run, setting)
    found[name] = found[name] or {}
    table.insert(found[name], { seed = run.seed, pixels = records.setting(run, "binarise"),
      last = last_values(ctx, run), epochs = epochs_of(ctx, run) })
  end
  return found
end

-- The tiles of each row, and its cost: { text =, tiles = { [i] = tile }, cost =, runs = their number }.
local function rows_of(found, options)
  local bands, rows, healthy = {}, {}, {}
  for i, d in ipairs(detectors.list) do bands[i] = bands_of(d, found.calibration or {}) end
  for _, run in ipairs(found.none or {}) do healthy[tostring(run.seed)] = run end
  local function row(name, text)
    local runs, tiles = found[name], {}
    for i, d in ipairs(detectors.list) do tiles[i] = tile_of(d, runs, bands[i], options.reads[name]) end
    return { text = text, tiles = tiles, runs = #runs, cost = name ~= "none" and cost_of(runs, healthy) or nil }
  end
  if found.none then rows.none = row("none", string.format("no bug, false alarms in %d seeds", #found.none)) end
  for _, group in ipairs(options.groups) do
    local own = { title = group.title }
    for i, name in ipairs(group.names) do
      if found[name] then own[#own + 1] = row(name, group.titles[i]) end
    end
    if #own > 0 then rows[#rows + 1] = own end
  end
  return rows
end

-- ---- panels ---------------------------------------------------------------------------------------------------------

local INK, PALE = style.colours[1], "#FFFFFF"

local function identity(v) return v end

-- A panel that lines are added to: a text, and tiles { share =, text = } by column, which may have a text on their
-- right in one more column.
local function new_panel(columns, right)
  local tics, wide = {}, right and 2.4 or 0
  for i, title in ipairs(columns) do tics[i] = { i, title } end
  if right then tics[#tics + 1] = { #columns + 2, right } end
  local panel = { texts = {}, by_share = {}, labels = {} }
  function panel.heading(text)
    panel.texts[#panel.texts + 1] = ""
    panel.labels[#panel.labels + 1] = { text, 0.45, #panel.texts, size = 9, colour = style.soft, up = -0.06 }
  end
  function panel.line(text, tiles, beside)
    local row = #panel.texts + 1
    panel.texts[row] = text
    if beside then panel.labels[#panel.labels + 1] = { beside, #columns + 2.8, row, align = "right", size = 8 } end
    for i = 1, #columns do
      local tile = tiles[i]
      if tile and tile.share and tile.share > 0 then
        panel.by_share[tile.share] = panel.by_share[tile.share] or {}
        table.insert(panel.by_share[tile.share], { row, i - 0.45, i + 0.45 })
      end
      if tile and tile.text then
        panel.labels[#panel.labels + 1] = { tile.text, i, row, align = "center", size = 8,
          colour = tile.share and tile.share > 0.5 and PALE or style.ink }
      end
    end
  end
  function panel.finished(key)
    local shares, series = {}, {}
    for share in pairs(panel.by_share) do shares[#shares + 1] = share end
    table.sort(shares)
    for i, share in ipairs(shares) do
      series[i] = { bars = panel.by_share[share], colour = INK, fill = share, key = key and key(share) }
    end
    return {
      x = { low = 0.4, high = #columns + 0.6 + wide, tics = tics, words = true, above = true, map = identity },
      y = axes.rows(panel.texts, nil, true), grid = "x", frame = "none", series = series,
      labels = panel.labels,
    }
  end
  return panel
end

-- The widest panel, cm.
local WIDEST = 12

local function columns_with(last)
  local columns = {}
  for i, d in ipairs(detectors.list) do columns[i] = d.title .. (d.basis == "healthy" and " *" or "") end
  columns[#columns + 1] = last
  return columns
end

local function nats(cost)
  if not cost then return "–" end
  if cost < -999 then return "< −999" end
  return style.number(math.abs(cost) < 10 and tonumber(string.format("%.1f", cost)) or math.floor(cost + 0.5), 6)
end

local function map_tiles(row)
  local tiles = {}
  for i, tile in pairs(row.tiles) do
    tiles[i] = { share = tile.power, text = tile.power > 0 and tile.epoch and tostring(tile.epoch) or nil }
  end
  return tiles
end

-- The row of the healthy runs: the number of false alarms.
local function alarm_tiles(row)
  local tiles = {}
  for i, tile in pairs(row.tiles) do tiles[i] = { text = tostring(tile.fired) } end
  return tiles
end

local function power_text(share) return string.format("fires in %.0f %% of the seeds", 100 * share) end

local function page_of(rows, first, last, suffix)
  local panel, most = new_panel(columns_with(), "cost, nats"), 1
  if rows.none then panel.line(rows.none.text, alarm_tiles(rows.none)) end
  for g = first, last do
    panel.heading(rows[g].title)
    for _, row in ipairs(rows[g]) do
      panel.line(row.text, map_tiles(row), nats(row.cost))
      most = math.max(most, row.runs)
    end
  end
  return { title = "Which check detects which bug", panels = { panel.finished(power_text) }, suffix = suffix,
    largest = WIDEST,
    note = string.format("power over %d seeds; in a tile: the epoch at which it fires first; "
      .. "* band set by healthy runs", most) }
end

local function summary_of(rows)
  local panel, all, count = new_panel(columns_with "any but the first"), {}, 0
  local function line(text, fired, of)
    local tiles = {}
    for i, n in pairs(fired) do tiles[i] = { share = n > 0 and n / of or nil, text = n > 0 and tostring(n) or nil } end
    panel.line(string.format("%s (%d)", text, of), tiles)
  end
  for _, group in ipairs(rows) do
    local fired = {}
    for _, row in ipairs(group) do
      local any = false
      for i, tile in pairs(row.tiles) do
        if tile.power >= DETECTED then fired[i], any = (fired[i] or 0) + 1, any or i > 1 end
      end
      if any then fired[#detectors.list + 1] = (fired[#detectors.list + 1] or 0) + 1 end
    end
    for i, n in pairs(fired) do all[i] = (all[i] or 0) + n end
    count = count + #group
    line(group.title, fired, #group)
  end
  line("all", all, count)
  if rows.none then panel.line(rows.none.text, alarm_tiles(rows.none)) end
  return { title = "How many bugs each check detects", panels = { panel.finished() }, largest = WIDEST,
    note = "bugs that it detects in at least four of five seeds; * band set by healthy runs" }
end

function detection.sheets(ctx, options)
  local rows, sheets, first = rows_of(runs_by_name(ctx, options.setting), options), {}, 1
  if #rows == 0 then
    ctx.note("no finished run is of one of the groups; nothing to draw")
    return {}
  end
  if options.summary then return { summary_of(rows) } end
  local left = 0
  for _, group in ipairs(rows) do left = left + #group + 1 end
  for page = 1, options.pages do
    local wanted, taken, last = left / (options.pages - page + 1), 0, first - 1
    while last < #rows and (taken == 0 or taken + (#rows[last + 1] + 1) / 2 <= wanted) do
      last = last + 1
      taken = taken + #rows[last] + 1
    end
    if last >= first then
      sheets[#sheets + 1] = page_of(rows, first, last, options.pages > 1 and "-" .. page or nil)
    end
    first, left = last + 1, left - taken
  end
  return sheets
end

return detection
