/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/verdict.c: the intervals and verdicts of stats/verdict.h for Lua.
 */
#include "stats/verdict.h"

#include "bind/array.h"
#include "bind/bind.h"

#include <math.h>

typedef struct VerdictCall {
    int scale;
    double low, high, level, shared_se;
} VerdictCall;

#define NUMBERS(name_, required_, text_) {.name = name_, .type = OPTION_TABLE, .required = required_, .text = text_}
#define EDGE(field, text_) \
    {OPTION(VerdictCall, field), .type = OPTION_NUMBER, .least = -HUGE_VAL, .standard = NAN, .text = text_}
static const Option rows[] = {
    NUMBERS("values", 1, "one number a seed"),
    NUMBERS("trials", 0, "the values are shares of so many trials each"),
    NUMBERS("others", 0, "the numbers of another program: the quantity is the difference of the means"),
    {OPTION(VerdictCall, scale), .type = OPTION_CHOICE, .choices = stats_scales, .word = "linear",
     .text = "on which values are averaged"},
    EDGE(low, "the least expected value"), EDGE(high, "the greatest"),
    {OPTION(VerdictCall, level), .type = OPTION_NUMBER, .most = 1, .standard = 0.95, .text = "of the interval"},
    {OPTION(VerdictCall, shared_se), .type = OPTION_NUMBER,
     .text = "a standard error that all values share, as they have one test set"},
};
static const BindOptions options = {"verdict.judge", {BIND_ROWS(rows, 0)}};

/* The list in a field of the table at 1; NULL where it is missing.  [OUT] *n */
static const double *numbers(lua_State *L, const char *field, size_t *n)
{
    *n = 0;
    return lua_getfield(L, 1, field) == LUA_TNIL ? NULL : bind_numbers(L, lua_gettop(L), n);
}

static void set_number(lua_State *L, const char *field, double value)
{
    if (isnan(value))
        return;
    lua_pushnumber(L, value);
    lua_setfield(L, -2, field);
}

static int judge(lua_State *L)
{
    VerdictCall call;
    bind_options(L, 1, &options, &call);
    size_t trials;
    StatsSample s = {.scale = (StatsScale)call.scale, .shared_se = call.shared_se};
    s.value = numbers(L, "values", &s.n);
    s.trials = numbers(L, "trials", &trials);
    s.other = numbers(L, "others", &s.others);
    if (s.trials != NULL && trials != s.n)
        return luaL_error(L, "%I trials for %I values", INT(trials), INT(s.n));
    StatsInterval interval = stats_sample_interval(&s, call.level);
    StatsVerdict verdict = stats_verdict(&s, call.low, call.high, call.level);
    lua_createtable(L, 0, 8);
    set_number(L, "mean", interval.mean);
    set_number(L, "sd", interval.sd);
    set_number(L, "low", interval.low);
    set_number(L, "high", interval.high);
    set_number(L, "p", verdict.p);
    lua_pushinteger(L, (lua_Integer)interval.n);
    lua_setfield(L, -2, "n");
    lua_pushstring(L, stats_verdicts[verdict.kind]);
    lua_setfield(L, -2, "verdict");
    if (verdict.seeds > 0)
        set_number(L, "seeds_needed", (double)verdict.seeds);
    return 1;
}

static const BindFunction functions[] = {
    {"judge", judge, "(options) → table",
     "what a few seeds say: { mean =, sd =, low =, high =, n =, verdict = \"holds\", \"refuted\" or \"undecided\", p =, "
     "seeds_needed = }; a number that is not known is left out", &options},
    {0},
};

const BindModule bind_verdict_module = {
    .name = "verdict", .text = "Intervals over seeds, and verdicts on bands.", .functions = functions};
