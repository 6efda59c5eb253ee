-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- tables.lua: copies of tables.

local tables = {}

--- tables.merged(a, b, …) → a new table with the entries of all; later ones replace earlier ones; nil counts as empty.
function tables.merged(...)
  local out = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do out[key] = value end
  end
  return out
end

return tables
