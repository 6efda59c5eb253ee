/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/checkpoint.c: a training's whole state as bytes.  Promise: training from a checkpoint ends with the same bits.
 *
 * Layout, all numbers little-endian: "vlcp" 2 0 0 0, then eight-byte counts (epoch, batch, optimiser steps, totals,
 * parameters, optimiser state, chains), then the totals as doubles, the parameters, the state and the chains as floats.
 */
#include "lab/checkpoint.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checkpoints and weights are little-endian: vae-lab writes numbers as they are in memory"
#endif

enum { COUNTS = 7, HEADER = 8 + 8 * COUNTS };

static const unsigned char magic[8] = {'v', 'l', 'c', 'p', 2, 0, 0, 0};

size_t lab_checkpoint_size(const LabState *s)
{
    return HEADER + s->ntotals * sizeof(double) + (s->nparams + s->nstate + s->nchains) * sizeof(float);
}

static void counts(const LabState *s, uint64_t *count)
{
    count[0] = s->epoch;
    count[1] = s->batch;
    count[2] = s->optimiser_steps;
    count[3] = s->ntotals;
    count[4] = s->nparams;
    count[5] = s->nstate;
    count[6] = s->nchains;
}

static unsigned char *write_bytes(unsigned char *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return to + bytes;
}

void lab_checkpoint_write(const LabState *s, unsigned char *bytes)
{
    uint64_t count[COUNTS];
    counts(s, count);
    bytes = write_bytes(bytes, magic, sizeof magic);
    bytes = write_bytes(bytes, count, sizeof count);
    bytes = write_bytes(bytes, s->totals, s->ntotals * sizeof(double));
    bytes = write_bytes(bytes, s->params, s->nparams * sizeof(float));
    bytes = write_bytes(bytes, s->state, s->nstate * sizeof(float));
    if (s->nchains > 0)
        write_bytes(bytes, s->chains, s->nchains * sizeof(float));
}

static const unsigned char *read_bytes(void *to, const unsigned char *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return from + bytes;
}

int lab_checkpoint_read(LabState *s, const unsigned char *bytes, size_t size)
{
    uint64_t count[COUNTS];
    if (size != lab_checkpoint_size(s) || memcmp(bytes, magic, sizeof magic) != 0)
        return -1;
    memcpy(count, bytes + sizeof magic, sizeof count);
    if (count[0] == 0 || count[3] != s->ntotals || count[4] != s->nparams || count[5] != s->nstate ||
        count[6] != s->nchains)
        return -1;
    s->epoch = count[0];
    s->batch = count[1];
    s->optimiser_steps = count[2];
    bytes = read_bytes(s->totals, bytes + HEADER, s->ntotals * sizeof(double));
    bytes = read_bytes(s->params, bytes, s->nparams * sizeof(float));
    bytes = read_bytes(s->state, bytes, s->nstate * sizeof(float));
    if (s->nchains > 0)
        read_bytes(s->chains, bytes, s->nchains * sizeof(float));
    return 0;
}
