/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/init.c: the initial values of parameters.  Portable: random streams of num/stream.h, and + - * / sqrt fma.
 */
#include "graph/init.h"

#include "graph/node.h"
#include "num/elementwise.h"
#include "num/stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { FILL_VALUE, FILL_NORMAL, FILL_UNIFORM, FILL_IMAGE } InitFill;
typedef enum { NO_NUMBER, OPTIONAL_NUMBER, NUMBER } InitNumber;

/* The value, standard deviation or bound of each kind, from its number (0: none) and the weight's shape (in, out). */
static double given(double number, double in, double out) { (void)in, (void)out; return number; }
static double one(double number, double in, double out) { (void)number, (void)in, (void)out; return 1; }
/* Glorot & Bengio 2010, eq. 16, and eq. 12 with the same variance; He et al. 2015, eq. 10 */
static double glorot_bound(double number, double in, double out) { (void)number; return sqrt(6 / (in + out)); }
static double glorot_sd(double number, double in, double out) { (void)number; return sqrt(2 / (in + out)); }
static double he_sd(double number, double in, double out) { (void)number, (void)out; return sqrt(2 / in); }
static double fan_in_bound(double number, double in, double out)
{
    (void)out;
    return 1 / sqrt(number > 0 ? number : in);
}

static const struct {
    const char *name;
    InitFill fill;
    InitNumber number;
    double least; /* the smallest number */
    double (*scale)(double number, double in, double out);
} kinds[] = {
    {"zeros", FILL_VALUE, NO_NUMBER, 0, given},
    {"ones", FILL_VALUE, NO_NUMBER, 0, one},
    {"constant", FILL_VALUE, NUMBER, -INFINITY, given},
    {"normal", FILL_NORMAL, NUMBER, 0, given},
    {"uniform", FILL_UNIFORM, NUMBER, 0, given},
    {"glorot_uniform", FILL_UNIFORM, NO_NUMBER, 0, glorot_bound},
    {"glorot_normal", FILL_NORMAL, NO_NUMBER, 0, glorot_sd},
    {"he_normal", FILL_NORMAL, NO_NUMBER, 0, he_sd},
    {"fan_in_uniform", FILL_UNIFORM, OPTIONAL_NUMBER, 1, fan_in_bound},
    {"data_logit", FILL_IMAGE, NO_NUMBER, 0, given},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static int unknown(const char *text, const char *word, Error *err)
{
    static const char *const form[] = {[NO_NUMBER] = "", [OPTIONAL_NUMBER] = "[(NUMBER)]", [NUMBER] = "(NUMBER)"};
    const char *names[KINDS];
    Text list = {0};
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        text_addf(&list, "%s%s%s", i == 0 ? "" : i + 1 < KINDS ? ", " : " or ", kinds[i].name,
                  form[kinds[i].number]);
    }
    error_set(err, ERR_SCRIPT, "unknown initialisation \"%s\"", text);
    error_found(err, "%s", text);
    error_expected(err, "%s", text_string(&list));
    text_free(&list);
    return error_suggest(err, word, names, KINDS);
}

/* "(0.01)" */
static int read_number(const char *text, double *number)
{
    if (*text != '(')
        return -1;
    char *end;
    *number = text_read_number(text + 1, &end);
    return end == text + 1 || strcmp(end, ")") != 0 || !isfinite(*number) ? -1 : 0;
}

int graph_init_read(GraphInit *init, const char *text, Error *err)
{
    char word[40];
    size_t length = strcspn(text, "(");
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), text);
    int kind = 0;
    while (kind < KINDS && strcmp(kinds[kind].name, word) != 0)
        kind++;
    if (kind == KINDS)
        return unknown(text, word, err);

    *init = (GraphInit){.kind = kind, .given = text[length] != '\0'};
    if (init->given ? kinds[kind].number == NO_NUMBER : kinds[kind].number == NUMBER) {
        error_set(err, ERR_SCRIPT, "the initialisation %s %s", word, init->given ? "takes no number"
                  : "needs a number");
        error_found(err, "%s", text);
        return error_expected(err, init->given ? "%s" : "%s(NUMBER)", word);
    }
    if (init->given && (read_number(text + length, &init->number) != 0 || !(init->number >= kinds[kind].least))) {
        error_set(err, ERR_SCRIPT, "the number of the initialisation %s is out of range", word);
        error_found(err, "%s", text);
        if (isinf(kinds[kind].least))
            return error_expected(err, "a finite number");
        return error_expected(err, "a finite number from %g", kinds[kind].least);
    }
    return 0;
}

void graph_init_text(const GraphInit *init, Text *text)
{
    text_add(text, kinds[init->kind].name);
    if (!init->given)
        return;
    text_add(text, "(");
    text_add_number(text, init->number);
    text_add(text, ")");
}

int graph_init_wants_image(const GraphInit *init)
{
    return kinds[init->kind].fill == FILL_IMAGE;
}

/* logit p = ln p - ln(1 - p), p clipped to [0.001, 0.999], so that the bias of a constant pixel is at most +-6.9 */
static void fill_logit(const float *image, size_t n, float *w)
{
    for (size_t i = 0; i < n; i++) {
        float p = image[i] > 0.999f ? 0.999f : image[i] >= 0.001f ? image[i] : 0.001f;
        w[i] = num_unary1_f32(NUM_LOG, p) - num_unary1_f32(NUM_LOG, 1 - p);
    }
}

void graph_init_fill(const GraphInit *init, NumSeed seed, const char *name, size_t rows, size_t columns,
                     const float *image, float *w)
{
    char stream[GRAPH_NAME_MAX + 8];
    snprintf(stream, sizeof stream, "init/%s", name);
    NumStream draws = num_stream_of(seed, stream);
    size_t n = rows * columns;
    float scale = (float)kinds[init->kind].scale(init->number, (double)rows, (double)columns);

    switch (kinds[init->kind].fill) {
    case FILL_VALUE:
        for (size_t i = 0; i < n; i++)
            w[i] = scale;
        break;
    case FILL_NORMAL:
        num_stream_normal(draws, 0, 0, rows, columns, w);
        for (size_t i = 0; i < n; i++)
            w[i] = scale * w[i];
        break;
    case FILL_UNIFORM: /* u in (0, 1) to (-scale, scale) */
        num_stream_uniform(draws, 0, 0, rows, columns, w);
        for (size_t i = 0; i < n; i++)
            w[i] = scale * (2 * w[i] - 1);
        break;
    case FILL_IMAGE:
        for (size_t row = 0; row < rows; row++)
            fill_logit(image, columns, w + row * columns);
        break;
    }
}
