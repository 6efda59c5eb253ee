/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/receipt.h: a receipt: what a finished run was computed from and what came out, as a text that a paper can print:
 *
 *     vae-lab receipt 1
 *     experiment: kl_ablation
 *     …
 *     weights sha256: 5986fb90…
 *     checksum: 1f2e3d4c
 *
 * Lines "key: value" in a fixed order; the checksum is the first 8 digits of the SHA-256 of the lines above it.  Empty
 * lines, blanks at the end of a line and the kind of line ends do not count: it may have been copied from a page.
 */
#ifndef CLI_RECEIPT_H
#define CLI_RECEIPT_H

#include "base/text.h"
#include "lab/lab.h"
#include "store/store.h"

#include <stddef.h>

enum { CLI_RECEIPT_LINES = 128, CLI_RECEIPT_BYTES = 1 << 20 };

typedef struct CliReceipt {
    char *text;  /* its lines, each ended by a null byte */
    size_t count;
    struct { const char *key, *value; } line[CLI_RECEIPT_LINES];
} CliReceipt;

/* [OUT] r: of a finished run; cli_receipt_free, in any case.  -1 with *err: there is no such run, it is not done, its
 * weights were imported, its record is damaged. */
int cli_receipt_of(CliReceipt *r, Store *s, int64_t run, Error *err);

/* [OUT] r: read from a text; `path` names it in errors (ERR_FILE), with the line. */
int cli_receipt_read(CliReceipt *r, const char *text, const char *path, Error *err);
void cli_receipt_free(CliReceipt *r);

/* The receipt as text, with its checksum. */
void cli_receipt_text(const CliReceipt *r, Text *t);

/* The value of a key that occurs once; "" where there is none. */
const char *cli_receipt_get(const CliReceipt *r, const char *key);

/* The first line of `claimed` that differs from `found`: its index, or SIZE_MAX.  The program's version does not count;
 * nor do texts that `claimed` says were not recorded. */
size_t cli_receipt_difference(const CliReceipt *claimed, const CliReceipt *found);

/* The value of texts that an earlier version did not record. */
#define CLI_NOT_RECORDED "not recorded"

#endif
