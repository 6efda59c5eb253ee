/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/init.h: the initial values of parameters: the kinds that graph_param() takes.
 */
#ifndef GRAPH_INIT_H
#define GRAPH_INIT_H

#include "base/error.h"
#include "base/text.h"
#include "num/stream.h"

#include <stddef.h>
#include <stdint.h>

/* A kind, as its index in the table of init.c, and its number, if it has one. */
typedef struct GraphInit {
    int kind;
    int given; /* the number was given */
    double number;
} GraphInit;

/* Reads "glorot_uniform" or "normal(0.01)"; -1 with *err for an unknown kind (with a suggestion) or a number out of
 * range. graph_init_text adds the same text. */
int graph_init_read(GraphInit *init, const char *text, Error *err);
void graph_init_text(const GraphInit *init, Text *text);

/* Does it need the mean image (data_logit)? */
int graph_init_wants_image(const GraphInit *init);

/* [OUT] w (rows, columns), from the stream "init/NAME" of `seed`; name: at most GRAPH_NAME_MAX characters;
 * image[columns] for data_logit. */
void graph_init_fill(const GraphInit *init, NumSeed seed, const char *name, size_t rows, size_t columns,
                     const float *image, float *w);

#endif
