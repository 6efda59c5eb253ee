/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_checkpoint.c: the bytes of a checkpoint, of a training whose sizes the first four bytes give.  Bytes
 * that are accepted are those that the state writes again; others leave the state as it was.
 *
 * libFuzzer: -max_len=512
 */
#include "fuzz/fuzz.h"

#include "lab/checkpoint.h"

enum { SIZES = 4, HEADER = 64, VALUES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double totals[VALUES] = {1, 2, 3};
    float params[VALUES] = {1, 2, 3}, state[VALUES] = {4, 5}, chains[VALUES] = {6};
    if (size < SIZES)
        return 0;
    LabState s = {.epoch = 3, .batch = 2, .optimiser_steps = 1, .totals = totals, .params = params, .state = state,
                  .chains = chains, .ntotals = data[0] % VALUES, .nparams = data[1] % VALUES,
                  .nstate = data[2] % VALUES, .nchains = data[3] % VALUES};
    const LabState before = s;
    size_t given = size - SIZES, need = lab_checkpoint_size(&s);
    /* the exact size in most cases: the bytes repeated or cut */
    size_t length = data[0] / VALUES % 4 == 0 ? given : need;
    uint8_t *bytes = calloc(1, length + 1), *again = calloc(1, need);
    FUZZ_CHECK(bytes != NULL && again != NULL);
    for (size_t i = 0; i < length && given > 0; i++)
        bytes[i] = data[SIZES + i % given];
    if (data[1] / VALUES % 2 == 0 && length >= HEADER) { /* the counts that fit, so that the values are reached */
        const uint64_t counts[4] = {s.ntotals, s.nparams, s.nstate, s.nchains};
        memcpy(bytes, "vlcp\2\0\0\0", 8);
        memcpy(bytes + HEADER - sizeof counts, counts, sizeof counts);
    }
    uint8_t *exact = malloc(length == 0 ? 1 : length); /* so that reading beyond the end is seen */
    FUZZ_CHECK(exact != NULL);
    memcpy(exact, bytes, length);
    if (lab_checkpoint_read(&s, exact, length) == 0) {
        FUZZ_CHECK(length == need && s.epoch > 0);
        lab_checkpoint_write(&s, again);
        FUZZ_CHECK(memcmp(again, exact, need) == 0);
    } else {
        FUZZ_CHECK(memcmp(&s, &before, sizeof s) == 0 && totals[1] == 2 && params[1] == 2 && state[1] == 5);
    }
    free(exact);
    free(again);
    free(bytes);
    return 0;
}
