/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/random.c: math.random and math.randomseed of a script: the named stream "script".  Lua's own are seeded from
 * the time and an address.
 */
#include "bind/bind.h"

#include "num/stream.h"

typedef struct ScriptRandom {
    NumStream stream;
    uint64_t step;
} ScriptRandom;

static uint64_t random_bits(ScriptRandom *r)
{
    NumRng memory;
    gsl_rng *rng = num_stream_rng(&memory, r->stream, r->step, 0);
    uint64_t low = gsl_rng_get(rng), high = gsl_rng_get(rng);
    r->step++;
    return high << 32 | low;
}

/* random() in [0, 1); random(high) in 1..high; random(low, high). */
static int random_next(lua_State *L)
{
    ScriptRandom *r = lua_touserdata(L, lua_upvalueindex(1));
    int arguments = lua_gettop(L);
    if (arguments == 0) {
        lua_pushnumber(L, (double)(random_bits(r) >> 11) * 0x1p-53);
        return 1;
    }
    lua_Integer low = arguments == 1 ? 1 : luaL_checkinteger(L, 1);
    lua_Integer high = luaL_checkinteger(L, arguments == 1 ? 1 : 2);
    luaL_argcheck(L, low <= high, arguments == 1 ? 1 : 2, "interval is empty");
    uint64_t range = (uint64_t)high - (uint64_t)low + 1, bits = random_bits(r);
    if (range != 0) { /* 0: all 2^64 integers */
        uint64_t limit = UINT64_MAX - UINT64_MAX % range; /* bits from the limit on would favour small remainders */
        while (bits >= limit)
            bits = random_bits(r);
        bits %= range;
    }
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + bits));
    return 1;
}

/* randomseed([seed]): 0 by default. */
static int random_seed(lua_State *L)
{
    ScriptRandom *r = lua_touserdata(L, lua_upvalueindex(1));
    r->stream = num_stream((uint64_t)luaL_optinteger(L, 1, 0), "script");
    r->step = 0;
    return 0;
}

void bind_random_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"random", random_next}, {"randomseed", random_seed}, {NULL, NULL}};
    lua_getglobal(L, "math");
    ScriptRandom *r = bind_scratch(L, 1, sizeof *r);
    r->stream = num_stream(0, "script");
    luaL_setfuncs(L, functions, 1);
    lua_pop(L, 1);
}
