/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_plan.c: a recorded training plan.  A text that is accepted is the plan's own; one that is refused
 * leaves the specification as it was.
 *
 * libFuzzer: -max_len=600
 */
#include "fuzz/fuzz.h"

#include "lab/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    Error err = ERROR_NONE;
    LabSpec spec = {.batch = 7}, before = spec;
    LabPlan *plan = lab_plan_read(text, &spec, &err);
    if (plan == NULL) {
        fuzz_check_error(&err);
        FUZZ_CHECK(memcmp(&spec, &before, sizeof spec) == 0);
    } else {
        Text again = {0};
        lab_plan_text(&again, &spec);
        FUZZ_CHECK(strcmp(text_string(&again), text) == 0);
        FUZZ_CHECK(spec.rate.n > 0 && lab_schedule_at(&spec.rate, 1000001) == spec.rate.value[spec.rate.n - 1]);
        for (size_t i = 0; i < spec.nscalars; i++)
            FUZZ_CHECK(spec.scalars[i].schedule.n > 0);
        text_free(&again);
        lab_plan_free(plan);
    }
    free(text);
    return 0;
}
