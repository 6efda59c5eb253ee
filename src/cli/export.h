/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/export.h: what `vae-lab export` writes, as the bytes of a whole file.
 */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "base/text.h"
#include "store/store.h"

typedef enum { CLI_SAFETENSORS, CLI_NPZ, CLI_CSV_FILE, CLI_EXPORT_FORMATS } CliExportFormat;
typedef enum { CLI_WEIGHTS, CLI_CURVES, CLI_POSTERIORS, CLI_EXPORT_PARTS } CliExportPart;

/* Adds the file to `out`.  The format must hold the part: safetensors holds weights, CSV all but weights. */
int cli_export_run(Text *out, Store *s, int64_t run, CliExportPart part, CliExportFormat format, Error *err);

/* Writes the whole record: a database where `out` ends in .db, .sqlite or .sqlite3, else CSV files into the folder `out`. */
int cli_export_record(const char *out, int force, Error *err);

#endif
