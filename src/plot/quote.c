/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/quote.c: any text as a gnuplot string for exactly this text, in every format.
 *
 * gnuplot runs text in backticks inside double quotes.  Single quotes take everything literally except the quote,
 * which is doubled. The enhanced text mode (pdf, png, svg) and LaTeX need different escapes: a text with special
 * characters becomes (tex ? 'for LaTeX' : 'for the others'); `tex` is a variable of the script's head (script.c).
 */
#include "plot/plot.h"

#include <string.h>

typedef struct TexSpelling {
    const char *character, *tex;
} TexSpelling;

/* Characters that LaTeX needs in another spelling.  It reads UTF-8 letters with accents. */
static const TexSpelling spellings[] = {
    {"#", "\\#"}, {"$", "\\$"}, {"%", "\\%"}, {"&", "\\&"}, {"_", "\\_"}, {"{", "\\{"}, {"}", "\\}"},
    {"~", "\\textasciitilde{}"}, {"^", "\\textasciicircum{}"}, {"\\", "\\textbackslash{}"},
    {"<", "\\textless{}"}, {">", "\\textgreater{}"}, {"|", "\\textbar{}"}, {"`", "\\textasciigrave{}"},
    {"α", "$\\alpha$"}, {"β", "$\\beta$"}, {"γ", "$\\gamma$"}, {"δ", "$\\delta$"}, {"ε", "$\\varepsilon$"},
    {"ζ", "$\\zeta$"}, {"η", "$\\eta$"}, {"θ", "$\\theta$"}, {"κ", "$\\kappa$"}, {"λ", "$\\lambda$"}, {"μ", "$\\mu$"},
    {"ν", "$\\nu$"}, {"ξ", "$\\xi$"}, {"π", "$\\pi$"}, {"ρ", "$\\rho$"}, {"σ", "$\\sigma$"}, {"τ", "$\\tau$"},
    {"φ", "$\\varphi$"}, {"χ", "$\\chi$"}, {"ψ", "$\\psi$"}, {"ω", "$\\omega$"}, {"Γ", "$\\Gamma$"},
    {"Δ", "$\\Delta$"}, {"Θ", "$\\Theta$"}, {"Λ", "$\\Lambda$"}, {"Σ", "$\\Sigma$"}, {"Φ", "$\\Phi$"},
    {"Ψ", "$\\Psi$"}, {"Ω", "$\\Omega$"}, {"−", "$-$"}, {"×", "$\\times$"}, {"·", "$\\cdot$"}, {"±", "$\\pm$"},
    {"≤", "$\\le$"}, {"≥", "$\\ge$"}, {"≠", "$\\ne$"}, {"≈", "$\\approx$"}, {"→", "$\\to$"}, {"←", "$\\leftarrow$"},
    {"∞", "$\\infty$"}, {"₁", "$_1$"}, {"₂", "$_2$"}, {"²", "$^2$"}, {"³", "$^3$"}, {"–", "--"}, {"—", "---"},
    {"…", "\\dots{}"},
};

static const TexSpelling *find(const char *string)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (strncmp(string, spellings[i].character, strlen(spellings[i].character)) == 0)
            return &spellings[i];
    return NULL;
}

/* One byte inside single quotes.  A control character would end the line and with it the command: it becomes a
 * space. */
static void add_byte(Text *t, char c)
{
    if (c == '\'')
        text_add(t, "''");
    else if ((unsigned char)c < 0x20 || c == 0x7f)
        text_add(t, " ");
    else
        text_add_bytes(t, &c, 1);
}

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

static void add_enhanced(Text *t, const char *string)
{
    for (const char *c = open_quote(t, string); *c != '\0'; c++) {
        if (strchr("\\{}_^@&~", *c) != NULL)
            text_add(t, "\\");
        add_byte(t, *c);
    }
    text_add(t, "'");
}

static void add_tex(Text *t, const char *string)
{
    const char *c = open_quote(t, string);
    /* cairolatex reads a leading [ as a position; braces are escaped anyway */
    if (string[0] == '[')
        text_add(t, "\\relax{}");
    while (*c != '\0') {
        const TexSpelling *s = find(c);
        if (s != NULL) {
            text_add(t, s->tex);
            c += strlen(s->character);
        } else {
            add_byte(t, *c++);
        }
    }
    text_add(t, "'");
}

void plot_quote(Text *t, const char *string)
{
    int special = string[0] == '[';
    for (const char *c = string; *c != '\0' && !special; c++)
        special = *c == '@' || find(c) != NULL;
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
