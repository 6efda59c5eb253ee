/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_receipt.c: the text of a receipt, as it is and with the right checksum.  A receipt that is accepted is
 * printed with the lines that were read, and equals itself when it is read again.
 *
 * libFuzzer: -max_len=1600
 */
#include "fuzz/fuzz.h"

#include "base/digest.h"
#include "cli/receipt.h"

static void check(const char *text)
{
    CliReceipt r, again;
    Error err = ERROR_NONE;
    if (cli_receipt_read(&r, text, "fuzzed.receipt", &err) != 0) {
        fuzz_check_error(&err);
        cli_receipt_free(&r);
        return;
    }
    Text printed = {0}, twice = {0};
    FUZZ_CHECK(r.count > 0 && r.count <= CLI_RECEIPT_LINES);
    for (size_t i = 0; i < r.count; i++)
        FUZZ_CHECK(strchr(r.line[i].value, '\n') == NULL && cli_receipt_get(&r, r.line[i].key)[0] != '\n');
    cli_receipt_text(&r, &printed);
    FUZZ_CHECK(cli_receipt_read(&again, text_string(&printed), "printed", &err) == 0);
    FUZZ_CHECK(cli_receipt_difference(&r, &again) == SIZE_MAX && cli_receipt_difference(&again, &r) == SIZE_MAX);
    cli_receipt_text(&again, &twice);
    FUZZ_CHECK(strcmp(text_string(&printed), text_string(&twice)) == 0);
    text_free(&twice);
    text_free(&printed);
    cli_receipt_free(&again);
    cli_receipt_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size), sum[DIGEST_TEXT];
    check(text);
    char *end = strstr(text, "\nchecksum: ");
    if (end != NULL) {
        Text whole = {0};
        Digest d;
        end[1] = '\0';
        digest_start(&d);
        digest_bytes(&d, text, strlen(text));
        digest_end(&d, sum);
        text_addf(&whole, "%schecksum: %.8s\n", text, sum);
        check(text_string(&whole));
        text_free(&whole);
    }
    free(text);
    return 0;
}
