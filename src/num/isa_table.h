/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * num/isa_table.h: gives a file of num/ its table of kernels for the instruction set in use.  Internal to num/.
 *
 * Each num/isa/x.c exports one table for each variant, `const NumXTable VARIANT(num_x_table)`.  With
 *
 *     #define NUM_TABLE_TYPE NumXTable
 *     #define NUM_TABLE_NAME num_x_table
 *     #include "num/isa_table.h"
 *
 * num/x.c has `static const NumXTable *num_x_table(void)`, the table of the variant in use.  It may include this
 * file again for another table.  NUM_ISA_LIST, X(avx512) X(avx2) …, best first, comes from the Makefile.
 */
#ifndef NUM_ISA_TABLE_H
#define NUM_ISA_TABLE_H

/* The index in NUM_ISA_LIST of the instruction set in use. */
int num_isa_index(void);

#define NUM_TABLE_PASTE_(name, isa) name##_##isa
#define NUM_TABLE_PASTE(name, isa) NUM_TABLE_PASTE_(name, isa)

#endif

#ifdef NUM_TABLE_TYPE

#define X(isa) extern const NUM_TABLE_TYPE NUM_TABLE_PASTE(NUM_TABLE_NAME, isa);
NUM_ISA_LIST
#undef X

static const NUM_TABLE_TYPE *NUM_TABLE_NAME(void)
{
    static const NUM_TABLE_TYPE *const tables[] = {
#define X(isa) &NUM_TABLE_PASTE(NUM_TABLE_NAME, isa),
        NUM_ISA_LIST
#undef X
    };
    return tables[num_isa_index()];
}

#undef NUM_TABLE_TYPE
#undef NUM_TABLE_NAME

#endif
