-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- evaluations/planes.lua: whether triples of the run's random number generator lie on RANDU's 15 planes (Marsaglia
-- 1968).
--
-- RANDU is x' = 65539 x mod 2^31, and 65539^2 = 6 · 65539 - 9 mod 2^31.  So 9 u - 6 u' + u'' is a whole number for any
-- three uniforms that follow each other; of independent ones its distance from the nearest whole number is uniform in
-- (0, 1/2), with the mean 1/4.

local stats = require "vae_lab.native.stats"

-- At most 1365 triples follow each other in one part of a sequential stream (src/num/stream.h).
local planes = { rules = { triples = { type = "integer", min = 100, max = 1365, default = 1365 } } }

--- planes.draw(count, seed, rng) → array (count, 3): triples of uniforms, one after another, of a stream of that
-- generator.
function planes.draw(count, seed, rng) return stats.uniform(count, 3, seed, "triples", rng) end

--- lab.eval.planes { triples = 1365 }: generator/off_planes, the mean distance of 9 u - 6 u' + u'' from a whole number,
-- times 4: 0 of triples on RANDU's planes, 1 of independent uniforms (its standard error is then 0.016).
function planes.run(o, _, _, recorder)
  local u, sum = planes.draw(o.triples, recorder:seed(), recorder:rng()), 0
  for i = 1, o.triples do
    local t = u:row(i)
    local v = 9 * t[1] - 6 * t[2] + t[3]
    sum = sum + math.abs(v - math.floor(v + 0.5))
  end
  recorder:metric("generator/off_planes", 4 * sum / o.triples)
end

return planes
