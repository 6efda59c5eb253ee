-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- prelude.lua: the globals of a script that differ from Lua's own.  It is part of the program and runs before other
-- Lua code.
--
-- Two calls of a script must do the same.  A script therefore reaches no files, clock or processes, sees no order that
-- depends on addresses, and draws random numbers from a named stream only (random.c).  Whatever this file needs of C is
-- a local here, so that a script that changes `table` or `string` breaks only itself.

-- From sandbox.c: io, getmetatable (of debug), loaded, library, script, raise, nearest, keep_source.
local native = ...
local io, raise, loaded, keep_source = native.io, native.raise, native.loaded, native.keep_source
local concat, pack, sort, gsub, match = table.concat, table.pack, table.sort, string.gsub, string.match
local error, ipairs, load_chunk, next, rawget = error, ipairs, load, next, rawget
local setmetatable, tostring, type = setmetatable, tostring, type
local globals = _G

-- The script's own globals; what it does not define it finds in `globals`.
local environment = setmetatable({}, { __index = globals, __metatable = false })
environment._G = environment

-- ---- base functions ------------------------------------------------------------------------------------------------

for _, name in ipairs { "dofile", "loadfile", "warn" } do globals[name] = nil end

--- print(…): to standard error; standard output is for data.
function print(...)
  local texts = pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  io.stderr:write(concat(texts, "\t"), "\n")
end

--- load(chunk, name, mode, environment): text only, whatever the mode.
function load(chunk, name, _, ...) return load_chunk(chunk, name, "t", ...) end

local rank = { number = 1, string = 2 }

-- Numbers by value, then strings, then all other keys in no order.
local function before(a, b)
  local first, second = rank[type(a)] or 3, rank[type(b)] or 3
  if first ~= second then return first < second end
  return first < 3 and a < b
end

--- pairs(t): in sorted order.  Lua's own order depends on addresses.
function pairs(t)
  local meta = native.getmetatable(t)
  local own = meta and rawget(meta, "__pairs")
  if own then
    local step, state, first = own(t)
    return step, state, first
  end
  if type(t) ~= "table" then error("bad argument #1 to 'pairs' (table expected, got " .. type(t) .. ")", 2) end
  local keys, i = {}, 0
  for key in next, t do keys[#keys + 1] = key end
  sort(keys, before)
  return function()
    repeat
      i = i + 1
      local key = keys[i]
      local value = key ~= nil and rawget(t, key)
      if value ~= nil then return key, value end -- a key that the loop has removed is left out
    until false
  end
end

-- ---- require -------------------------------------------------------------------------------------------------------

local folder = match(native.script, "^.*/") or ""

local function file_text(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text, bad = file:read "a"
  file:close()
  return text, bad and path .. ": " .. bad
end

-- The text of a module, the chunk's name and its file.  Chunks of the library are named "=vae_lab/nn.lua", the user's
-- "@path".
local function find(name)
  local file, why, text = gsub(name, "%.", "/"), nil, nil
  for _, place in ipairs {
    { native.library .. "/" .. file .. ".lua", "=" .. file .. ".lua" },
    { native.library .. "/" .. file .. "/init.lua", "=" .. file .. "/init.lua" },
    { folder .. file .. ".lua", "@" .. folder .. file .. ".lua" },
  } do
    text, why = file_text(place[1])
    if text then
      if match(place[2], "^@") then keep_source("module", place[1], text) end
      return text, place[2], place[1]
    end
  end
  raise {
    what = "module '" .. name .. "' not found", found = why,
    hint = "modules are looked for in the script's folder and in the library vae_lab",
  }
end

local running = {} -- modules whose chunk runs

--- require(name): a module of the program ("vae_lab.native.data"), of the library, or a file in the script's folder.
function require(name)
  if type(name) ~= "string" then
    error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
  end
  if loaded[name] then return loaded[name] end
  if running[name] then
    raise { what = "module '" .. name .. "' requires itself", hint = "move what both need into a third module" }
  end
  local text, chunk, path = find(name)
  local run, why = load_chunk(text, chunk, "t")
  if not run then error(why, 0) end
  local done <close> = setmetatable({}, { __close = function() running[name] = nil end })
  running[name] = true
  local module = run(name, path)
  if module ~= nil then loaded[name] = module end
  loaded[name] = loaded[name] or true
  return loaded[name], path
end

-- ---- unknown names -------------------------------------------------------------------------------------------------

local outside = { io = true, os = true, debug = true, dofile = true, loadfile = true, package = true }

setmetatable(globals, {
  __metatable = false,
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    local names = {}
    for _, list in ipairs { globals, environment } do
      for key in next, list do names[#names + 1] = type(key) == "string" and key or nil end
    end
    sort(names)
    local near = native.nearest(name, names)
    raise {
      what = "unknown name '" .. name .. "': no such global or local variable",
      hint = outside[name] and "scripts reach no files, clock or processes: "
          .. "a run may depend on its settings alone (--set key=value)"
        or near and "did you mean " .. near .. "?" or nil,
    }
  end,
})

-- The loader of the script itself.  As in Lua's loadfile, a byte order mark and a first line "#!…" are no Lua.
return function(path)
  local text, why = file_text(path)
  if not text then return nil, why end
  keep_source("script", path, text)
  local code = gsub(gsub(text, "^\xEF\xBB\xBF", ""), "^#[^\n]*", "")
  return load_chunk(code, "@" .. path, "t", environment)
end
