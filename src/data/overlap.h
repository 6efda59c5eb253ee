/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/overlap.h: finds equal examples, byte for byte, in different splits.
 */
#ifndef DATA_OVERLAP_H
#define DATA_OVERLAP_H

#include "base/error.h"

#include <stddef.h>

enum { OVERLAP_GROUPS = 3 };

/* Examples of one split: `count` rows of `bytes` bytes each. */
typedef struct OverlapGroup {
    const void *rows;
    size_t count;
} OverlapGroup;

typedef struct Overlap {
    size_t pairs;                /* examples of a later group that are equal to one of an earlier group */
    int group[2];                /* the first such pair: its groups … */
    size_t example[2];           /* … and its numbers, from 0 */
    size_t repeats;              /* examples equal to an earlier one of their own group */
} Overlap;

/* [OUT] found.  Fails only without memory. */
int overlap_find(Overlap *found, const OverlapGroup group[OVERLAP_GROUPS], size_t bytes, Error *err);

#endif
