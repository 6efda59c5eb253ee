/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/quote.c: any text as a gnuplot string for exactly this text, in every format.
 *
 * gnuplot runs text in backticks inside double quotes.  Single quotes take everything literally except the quote,
 * which is doubled. The enhanced text mode (pdf, png, svg) and LaTeX need different escapes: a text with special
 * characters becomes (tex ? 'for LaTeX' : 'for the others'); `tex` is a variable of the script's head (script.c).
 *
 * A control character would end the line and with it the command: it becomes a space.  A byte that is not UTF-8 would
 * make an svg that no reader accepts: it becomes U+FFFD.
 */
#include "plot/plot.h"

#include <stdint.h>
#include <string.h>

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------ */

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

typedef struct QuoteChar {
    const char *bytes;
    size_t length, used; /* `used` bytes of the text became these `length` bytes */
    uint32_t code;
} QuoteChar;

/* Surrogates, and the characters that XML and so svg does not allow. */
static int is_forbidden(uint32_t code)
{
    return (code & 0xfffe) == 0xfffe || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff;
}

static int is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

/* The first character of a text that is not empty. */
static QuoteChar char_at(const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length: a smaller code is not UTF-8 */
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4, n = 1;
    uint32_t code = length == 1 ? s[0] : s[0] & (0x7fu >> length);
    while (n < length && (s[n] & 0xc0) == 0x80)
        code = code << 6 | (s[n++] & 0x3f);
    if (n < length || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4 || code < least[length] || is_forbidden(code))
        return (QuoteChar){replacement, sizeof replacement - 1, 1, 0xfffd};
    if (is_control(code))
        return (QuoteChar){" ", 1, length, ' '};
    return (QuoteChar){text, length, length, code};
}

/* ---- how LaTeX spells characters -------------------------------------------------------------------------------- */

typedef struct TexSpelling {
    const char *character, *tex;
} TexSpelling;

static const TexSpelling spellings[] = {
    {"#", "\\#"}, {"$", "\\$"}, {"%", "\\%"}, {"&", "\\&"}, {"_", "\\_"}, {"{", "\\{"}, {"}", "\\}"},
    {"~", "\\textasciitilde{}"}, {"^", "\\textasciicircum{}"}, {"\\", "\\textbackslash{}"},
    {"<", "\\textless{}"}, {">", "\\textgreater{}"}, {"|", "\\textbar{}"}, {"`", "\\textasciigrave{}"},
    {"\"", "\\char34{}"}, /* babel gives the bare quote a meaning of its own in some languages */
    {"α", "$\\alpha$"}, {"β", "$\\beta$"}, {"γ", "$\\gamma$"}, {"δ", "$\\delta$"}, {"ε", "$\\varepsilon$"},
    {"ζ", "$\\zeta$"}, {"η", "$\\eta$"}, {"θ", "$\\theta$"}, {"κ", "$\\kappa$"}, {"λ", "$\\lambda$"}, {"μ", "$\\mu$"},
    {"ν", "$\\nu$"}, {"ξ", "$\\xi$"}, {"π", "$\\pi$"}, {"ρ", "$\\rho$"}, {"σ", "$\\sigma$"}, {"τ", "$\\tau$"},
    {"φ", "$\\varphi$"}, {"χ", "$\\chi$"}, {"ψ", "$\\psi$"}, {"ω", "$\\omega$"}, {"Γ", "$\\Gamma$"},
    {"Δ", "$\\Delta$"}, {"Θ", "$\\Theta$"}, {"Λ", "$\\Lambda$"}, {"Σ", "$\\Sigma$"}, {"Φ", "$\\Phi$"}, {"Π", "$\\Pi$"},
    {"Ψ", "$\\Psi$"}, {"Ω", "$\\Omega$"}, {"−", "$-$"}, {"×", "$\\times$"}, {"·", "$\\cdot$"}, {"±", "$\\pm$"},
    {"‖", "$\\Vert$"},
    {"≤", "$\\le$"}, {"≥", "$\\ge$"}, {"≠", "$\\ne$"}, {"≈", "$\\approx$"}, {"→", "$\\to$"}, {"←", "$\\leftarrow$"},
    {"∞", "$\\infty$"}, {"∇", "$\\nabla$"}, {"∂", "$\\partial$"}, {"√", "$\\surd$"}, {"₁", "$_1$"}, {"₂", "$_2$"},
    {"²", "$^2$"}, {"³", "$^3$"}, {"–", "--"}, {"—", "---"},
    {"…", "\\dots{}"},
};

/* Combining accents: LaTeX writes them as commands before the letter. */
typedef struct TexAccent {
    uint32_t code;
    const char *tex;
} TexAccent;

static const TexAccent accents[] = {
    {0x300, "`"}, {0x301, "'"}, {0x302, "^"}, {0x303, "~"}, {0x304, "="}, {0x306, "u"}, {0x307, "."}, {0x308, "\""},
    {0x30a, "r"}, {0x30b, "H"}, {0x30c, "v"}, {0x323, "d"}, {0x327, "c"}, {0x331, "b"},
};

static const TexSpelling *find(const QuoteChar *c)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (strlen(spellings[i].character) == c->length && memcmp(c->bytes, spellings[i].character, c->length) == 0)
            return &spellings[i];
    return NULL;
}

static const TexAccent *find_accent(const char *text)
{
    uint32_t code = text[0] == '\0' ? 0 : char_at(text).code;
    for (size_t i = 0; i < sizeof accents / sizeof accents[0]; i++)
        if (accents[i].code == code)
            return &accents[i];
    return NULL;
}

/* Whether pdflatex prints the character without a package: measured with TeX Live 2022 in the encodings OT1 and T1. */
static int pdflatex_knows(uint32_t code)
{
    static const uint32_t unknown[] = {0xab, 0xbb, 0xd0, 0xde, 0xf0, 0xfe, 0x104, 0x105, 0x110, 0x111, 0x118, 0x119,
                                       0x126, 0x127, 0x12e, 0x12f, 0x138, 0x13f, 0x140, 0x149, 0x14a, 0x14b, 0x166,
                                       0x167, 0x172, 0x173, 0x17f};
    static const uint32_t known[] = {0x2018, 0x2019, 0x201c, 0x201d, 0x2020, 0x2021, 0x2022, 0x2030, 0x20ac, 0x2122};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        if (unknown[i] == code)
            return 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == code)
            return 1;
    return code < 0x180;
}

/* ---- inside single quotes --------------------------------------------------------------------------------------- */

/* Opens the string.  gnuplot 5.4 reads a doubled quote right after the opening one as an empty string, so leading
 * quotes go into a double-quoted string, which holds nothing else.  Returns the rest of the text. */
static const char *open_quote(Text *t, const char *string)
{
    size_t quotes = strspn(string, "'");
    if (quotes > 0) {
        text_add(t, "\"");
        text_add_bytes(t, string, quotes);
        text_add(t, "\".");
    }
    text_add(t, "'");
    return string + quotes;
}

static void add_char(Text *t, const QuoteChar *c)
{
    if (c->code == '\'')
        text_add(t, "''");
    else
        text_add_bytes(t, c->bytes, c->length);
}

/* gnuplot takes a text without one of these characters as plain, and a backslash in it as itself. */
static const char markup[] = "{}_^@&~";

static void add_enhanced(Text *t, const char *string)
{
    for (const char *at = open_quote(t, string); *at != '\0';) {
        QuoteChar c = char_at(at);
        if (c.code == '\\' || (c.code < 0x80 && strchr(markup, (int)c.code) != NULL))
            text_add(t, "\\");
        add_char(t, &c);
        at += c.used;
    }
    if (strchr(string, '\\') != NULL && strpbrk(string, markup) == NULL)
        text_add(t, "{}"); /* an empty group, so that the escapes count */
    text_add(t, "'");
}

/* LaTeX joins these characters to one glyph when two of them follow each other. */
static int joins(const QuoteChar *c, const char *next)
{
    return c->code < 0x80 && strchr("-,'!?", (int)c->code) != NULL && *next == (char)c->code;
}

static void add_tex_char(Text *t, const QuoteChar *c, const char *next)
{
    const TexSpelling *spelling = find(c);
    if (spelling != NULL)
        text_add(t, spelling->tex);
    else if (pdflatex_knows(c->code))
        add_char(t, c);
    else /* XeLaTeX and LuaLaTeX, which have \Umathcode, print it if the font has it; pdflatex prints its code */
        text_addf(t, "\\ifdefined\\Umathcode %.*s\\else{\\tiny %04X}\\fi{}", (int)c->length, c->bytes,
                  (unsigned)c->code);
    if (joins(c, next))
        text_add(t, "{}");
}

static void add_tex(Text *t, const char *string)
{
    const char *at = open_quote(t, string);
    /* cairolatex reads a leading [ as a position; braces are escaped anyway */
    if (string[0] == '[')
        text_add(t, "\\relax{}");
    while (*at != '\0') {
        QuoteChar c = char_at(at);
        at += c.used;
        const TexAccent *accent = find_accent(at);
        if (accent != NULL && strchr(accent->tex, '\'') != NULL)
            text_add(t, "\\''{");
        else if (accent != NULL)
            text_addf(t, "\\%s{", accent->tex);
        add_tex_char(t, &c, accent != NULL ? "" : at);
        if (accent != NULL) {
            text_add(t, "}");
            at += char_at(at).used;
        }
    }
    text_add(t, "'");
}

void plot_quote(Text *t, const char *string)
{
    int special = string[0] == '[';
    for (const char *at = string; *at != '\0' && !special;) {
        QuoteChar c = char_at(at);
        at += c.used;
        special = c.code == '@' || find(&c) != NULL || !pdflatex_knows(c.code) || joins(&c, at);
    }
    if (!special) {
        int joined = string[0] == '\'';
        text_add(t, joined ? "(" : "");
        add_enhanced(t, string);
        text_add(t, joined ? ")" : "");
        return;
    }
    text_add(t, "(tex ? ");
    add_tex(t, string);
    text_add(t, " : ");
    add_enhanced(t, string);
    text_add(t, ")");
}
