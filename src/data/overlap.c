/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/overlap.c: one pass over all examples with a hash table; equal hashes are compared byte for byte.
 */
#include "data/overlap.h"

#include "base/mem.h"

#include <stdint.h>
#include <string.h>

typedef struct ExampleSlot {
    uint64_t hash; /* 0: empty */
    uint32_t group, example;
} ExampleSlot;

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u; /* Vigna's and Wellons' multipliers: any odd constant with mixed bits would do */
    return h ^ h >> 29;
}

/* Two interleaved chains, so that the multiplications overlap.  The hash is used within one process: it need not be
 * portable. */
static uint64_t hash_row(const uint8_t *row, size_t bytes)
{
    uint64_t a = 0x9e3779b97f4a7c15u, b = bytes, word[2];
    while (bytes >= sizeof word) {
        memcpy(word, row, sizeof word);
        a = (a ^ word[0]) * 0xff51afd7ed558ccdu;
        b = (b ^ word[1]) * 0xc4ceb9fe1a85ec53u;
        a ^= a >> 31;
        b ^= b >> 33;
        row += sizeof word;
        bytes -= sizeof word;
    }
    memset(word, 0, sizeof word);
    memcpy(word, row, bytes);
    uint64_t h = mix(mix(a ^ word[0]) + (b ^ word[1]));
    return h == 0 ? 1 : h;
}

static const uint8_t *row_of(const OverlapGroup *group, size_t bytes, const ExampleSlot *slot)
{
    return (const uint8_t *)group[slot->group].rows + (size_t)slot->example * bytes;
}

/* The slot of an equal example, or the empty slot for this one. */
static ExampleSlot *find(ExampleSlot *table, size_t mask, uint64_t hash, const uint8_t *row, const OverlapGroup *group,
                         size_t bytes)
{
    size_t i = (size_t)hash & mask;
    while (table[i].hash != 0) {
        if (table[i].hash == hash && memcmp(row_of(group, bytes, &table[i]), row, bytes) == 0)
            break;
        i = (i + 1) & mask;
    }
    return &table[i];
}

int overlap_find(Overlap *found, const OverlapGroup group[OVERLAP_GROUPS], size_t bytes, Error *err)
{
    size_t total = 0, size = 16;
    for (int g = 0; g < OVERLAP_GROUPS; g++)
        total += group[g].count;
    while (size < 2 * total)
        size *= 2;
    ExampleSlot *table = mem_array(size, sizeof *table);
    if (table == NULL)
        return error_memory(err, "the check of the splits");
    memset(found, 0, sizeof *found);
    for (uint32_t g = 0; g < OVERLAP_GROUPS; g++) {
        for (size_t i = 0; i < group[g].count; i++) {
            const uint8_t *row = (const uint8_t *)group[g].rows + i * bytes;
            uint64_t hash = hash_row(row, bytes);
            ExampleSlot *slot = find(table, size - 1, hash, row, group, bytes);
            if (slot->hash == 0) {
                *slot = (ExampleSlot){hash, g, (uint32_t)i};
            } else if (slot->group == g) {
                found->repeats++;
            } else if (found->pairs++ == 0) {
                found->group[0] = (int)slot->group, found->group[1] = (int)g;
                found->example[0] = slot->example, found->example[1] = i;
            }
        }
    }
    mem_free(table);
    return 0;
}
