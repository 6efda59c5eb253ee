/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_number.c: the text of a number is the shortest that strtod reads back to the same double.
 *
 * libFuzzer: -max_len=8
 */
#include "fuzz/fuzz.h"

#include "base/text.h"

#include <math.h>

/* The digits of a decimal, without sign, point and exponent. */
static size_t digits_of(const char *text)
{
    size_t n = 0;
    for (const char *c = text; *c != '\0' && *c != 'e'; c++)
        n += *c >= '0' && *c <= '9';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[8] = {0};
    double value, back;
    memcpy(bytes, data, size < sizeof bytes ? size : sizeof bytes);
    memcpy(&value, bytes, sizeof value);
    Text text = {0};
    char *end;
    text_add_number(&text, value);
    back = strtod(text_string(&text), &end);
    FUZZ_CHECK(*end == '\0' && !text.failed);
    FUZZ_CHECK(isnan(value) ? isnan(back) : memcmp(&back, &value, sizeof value) == 0);
    size_t digits = digits_of(text_string(&text));
    if (isfinite(value) && strchr(text_string(&text), 'e') != NULL && digits > 1) { /* %g pads no zeros here */
        char shorter[64];
        snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
        FUZZ_CHECK(strtod(shorter, NULL) != value);
    }
    text_free(&text);
    return 0;
}
