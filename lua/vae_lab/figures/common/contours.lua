-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- figures/common/contours.lua: highest-density regions of a density on a grid, and lines of equal height.

local contours = {}

--- contours.threshold(density, share) → the height above which cells hold `share` of the mass: of a highest-density region.
function contours.threshold(density, share)
  local sorted, total = table.move(density, 1, #density, 1, {}), 0
  table.sort(sorted, function(a, b) return a > b end)
  for _, v in ipairs(sorted) do total = total + v end
  local sum = 0
  for _, v in ipairs(sorted) do
    sum = sum + v
    if sum >= share * total then return v end
  end
  return 0
end

-- Which edges of a cell a line joins, by which of its corners are high: bit 1 lower left, 2 lower right, 4 upper right, 8 upper
-- left; edges 1 below, 2 right, 3 above, 4 left.  Of the two saddles the high corners are kept apart.
local cases = {
  { 4, 1 }, { 1, 2 }, { 4, 2 }, { 2, 3 }, { 4, 1, 2, 3 }, { 1, 3 }, { 4, 3 }, { 3, 4 }, { 1, 3 }, { 1, 2, 3, 4 }, { 2, 3 }, { 2, 4 },
  { 1, 2 }, { 1, 4 },
}

-- Joins pieces { from edge, to edge } into lines, lists of edges; a closed one ends where it begins.
local function join(pieces)
  local at, used, lines = {}, {}, {}
  for i, p in ipairs(pieces) do
    for _, edge in ipairs(p) do
      at[edge] = at[edge] or {}
      table.insert(at[edge], i)
    end
  end
  local function follow(line, edge)
    while true do
      local nearest
      for _, i in ipairs(at[edge]) do nearest = nearest or not used[i] and i end
      if not nearest then return end
      used[nearest] = true
      edge = pieces[nearest][1] == edge and pieces[nearest][2] or pieces[nearest][1]
      line[#line + 1] = edge
    end
  end
  for pass = 1, 2 do -- open lines from their ends first
    for i, p in ipairs(pieces) do
      local from = #at[p[1]] == 1 and p[1] or #at[p[2]] == 1 and p[2] or pass == 2 and p[1]
      if not used[i] and from then
        lines[#lines + 1] = { from }
        follow(lines[#lines], from)
      end
    end
  end
  return lines
end

--- contours.lines(density, n, level) → lines { {x, y}, … } in cells of the n × n grid (row by row; the first cell's centre is 0.5), by
-- marching squares: between two cells the height is linear.
function contours.lines(density, n, level)
  local pieces, place = {}, {}
  local function value(c, r) return density[(r - 1) * n + c] end
  -- the edge from a cell to its right (or upper) neighbour, by a number; its crossing is put into place
  local function edge(c, r, up)
    local key = 2 * ((r - 1) * n + c) + (up and 1 or 0)
    local a, b = value(c, r), up and value(c, r + 1) or value(c + 1, r)
    local t = (level - a) / (b - a)
    place[key] = { c - 0.5 + (up and 0 or t), r - 0.5 + (up and t or 0) }
    return key
  end
  for r = 1, n - 1 do
    for c = 1, n - 1 do
      local case = (value(c, r) > level and 1 or 0) + (value(c + 1, r) > level and 2 or 0) + (value(c + 1, r + 1) > level and 4 or 0)
        + (value(c, r + 1) > level and 8 or 0)
      local sides = cases[case] or {}
      for s = 1, #sides, 2 do
        local ends = {}
        for k = 0, 1 do
          local side = sides[s + k]
          ends[k + 1] = side == 1 and edge(c, r) or side == 2 and edge(c + 1, r, true) or side == 3 and edge(c, r + 1) or edge(c, r, true)
        end
        pieces[#pieces + 1] = ends
      end
    end
  end
  local lines = join(pieces)
  for _, line in ipairs(lines) do
    for i, key in ipairs(line) do line[i] = place[key] end
  end
  return lines
end

return contours
