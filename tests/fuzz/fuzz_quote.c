/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_quote.c: any text as a gnuplot string, read back by a reader of gnuplot's strings: for the enhanced text
 * mode the text itself, for LaTeX a text without an open group or an unescaped special character.
 *
 * libFuzzer: -max_len=80
 */
#include "fuzz/fuzz.h"

#include "base/text.h"
#include "plot/plot.h"

#include <locale.h>
#include <wchar.h>

/* gnuplot's expression while it is read. */
typedef struct Gnuplot {
    const char *at;
    int tex; /* the value of the variable `tex` */
} Gnuplot;

static void read_expression(Gnuplot *g, Text *value);

/* gnuplot 5.4: in single quotes a doubled quote is one, but right after the opening quote it ends an empty string. */
static void read_single(Gnuplot *g, Text *value)
{
    const char *start = ++g->at, *quote;
    while ((quote = strchr(g->at, '\'')) != NULL && quote[1] == '\'' && quote != start) {
        text_add_bytes(value, g->at, (size_t)(quote + 1 - g->at));
        g->at = quote + 2;
    }
    FUZZ_CHECK(quote != NULL && memchr(start, '\n', (size_t)(quote - start)) == NULL);
    text_add_bytes(value, g->at, (size_t)(quote - g->at));
    g->at = quote + 1;
}

/* Only quotes may stand in double quotes: gnuplot would run `…`, and \ escapes. */
static void read_double(Gnuplot *g, Text *value)
{
    for (g->at++; *g->at != '"'; g->at++) {
        FUZZ_CHECK(*g->at == '\'');
        text_add_bytes(value, g->at, 1);
    }
    g->at++;
}

static void read_primary(Gnuplot *g, Text *value)
{
    Text other = {0};
    if (*g->at == '\'') {
        read_single(g, value);
    } else if (*g->at == '"') {
        read_double(g, value);
    } else if (strncmp(g->at, "(tex ? ", 7) == 0) {
        g->at += 7;
        read_expression(g, g->tex ? value : &other);
        FUZZ_CHECK(strncmp(g->at, " : ", 3) == 0);
        g->at += 3;
        read_expression(g, g->tex ? &other : value);
        FUZZ_CHECK(*g->at++ == ')');
    } else {
        FUZZ_CHECK(*g->at++ == '(');
        read_expression(g, value);
        FUZZ_CHECK(*g->at++ == ')');
    }
    text_free(&other);
}

static void read_expression(Gnuplot *g, Text *value)
{
    for (read_primary(g, value); *g->at == '.'; read_primary(g, value))
        g->at++;
}

static void evaluate(const char *expression, int tex, Text *value)
{
    Gnuplot g = {expression, tex};
    text_add(value, "");
    read_expression(&g, value);
    FUZZ_CHECK(*g.at == '\0');
}

/* The text that has to be shown: control characters are spaces, bytes that are no UTF-8 and characters that XML does not
 * allow are U+FFFD.  C's own decoder reads it. */
static void expected_of(const char *string, Text *expected)
{
    static locale_t utf8;
    if (utf8 == (locale_t)0)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    FUZZ_CHECK(utf8 != (locale_t)0);
    locale_t before = uselocale(utf8);
    text_add(expected, "");
    for (size_t used; *string != '\0'; string += used) {
        mbstate_t state = {0};
        wchar_t c;
        used = mbrtowc(&c, string, strlen(string), &state);
        int valid = used != (size_t)-1 && used != (size_t)-2 && c <= 0x10ffff && (c & 0xfffe) != 0xfffe;
        used = valid ? used : 1;
        if (!valid)
            text_add(expected, "\xef\xbf\xbd");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
            text_add(expected, " ");
        else
            text_add_bytes(expected, string, used);
    }
    uselocale(before);
}

/* What gnuplot's enhanced text mode shows: a text without one of its characters is plain; else each of them is escaped, but
 * for empty groups. */
static void enhanced_of(const char *text, Text *shown)
{
    static const char markup[] = "{}_^@&~";
    int plain = strpbrk(text, markup) == NULL;
    text_add(shown, "");
    if (plain) {
        text_add(shown, text);
        return;
    }
    while (*text != '\0') {
        size_t run = strcspn(text, "\\{}_^@&~");
        text_add_bytes(shown, text, run);
        text += run;
        if (text[0] == '{' && text[1] == '}') {
            text += 2;
        } else if (*text != '\0') {
            FUZZ_CHECK(*text == '\\' && text[1] != '\0');
            text_add_bytes(shown, text + 1, 1);
            text += 2;
        }
    }
}

/* LaTeX: groups and $ are paired, and no character is special by itself. */
static void check_tex(const char *tex)
{
    int depth = 0, mathematics = 0;
    for (; *tex != '\0'; tex++) {
        if (*tex == '\\') {
            FUZZ_CHECK(*++tex != '\0');
            continue;
        }
        depth += (*tex == '{') - (*tex == '}');
        mathematics ^= *tex == '$';
        FUZZ_CHECK(depth >= 0 && strchr("#%&~", *tex) == NULL);
        FUZZ_CHECK(mathematics || (*tex != '_' && *tex != '^'));
    }
    FUZZ_CHECK(depth == 0 && !mathematics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *string = fuzz_string(data, size);
    Text quoted = {0}, enhanced = {0}, tex = {0}, shown = {0}, expected = {0};
    plot_quote(&quoted, string);
    FUZZ_CHECK(!quoted.failed && strchr(text_string(&quoted), '\n') == NULL);
    evaluate(text_string(&quoted), 0, &enhanced);
    enhanced_of(text_string(&enhanced), &shown);
    expected_of(string, &expected);
    FUZZ_CHECK(strcmp(text_string(&shown), text_string(&expected)) == 0);
    evaluate(text_string(&quoted), 1, &tex);
    if (strncmp(text_string(&quoted), "(tex ? ", 7) == 0)
        check_tex(text_string(&tex));
    text_free(&expected);
    text_free(&shown);
    text_free(&tex);
    text_free(&enhanced);
    text_free(&quoted);
    free(string);
    return 0;
}
