/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/copy.c: --copy and --copy-every of `vae-lab run`.
 */
#include "cli/copy.h"

#include "cli/cli.h"
#include "store/copy.h"

#include <string.h>
#include <unistd.h>

enum { STANDARD_SECONDS = 600 };

CliCopy cli_copy;

int cli_copy_begin(int quiet, Error *err)
{
    StoreCopyState state;
    if (cli_copy.file == NULL)
        return cli_copy.seconds == 0 ? 0 : error_set(err, ERR_USAGE, "--copy-every needs --copy FILE");
    if (cli_copy.seconds == 0)
        cli_copy.seconds = STANDARD_SECONDS;
    if (store_copy_prepare(cli_database(), cli_copy.file, &state, err) != 0)
        return -1;
    if (state == STORE_COPY_RESTORED && !quiet)
        fprintf(stderr, "%s was made from its copy %s\n", cli_database(), cli_copy.file);
    return 0;
}

int cli_copy_end(int status, Error *err)
{
    Error failed = ERROR_NONE;
    if (cli_copy.file == NULL || (status != 0 && access(cli_database(), F_OK) != 0) ||
        store_copy(cli_database(), cli_copy.file, NULL, &failed) == 0 ||
        (status != 0 && strcmp(err->what, failed.what) == 0)) /* the database cannot be used, which is said once */
        return status;
    error_in(&failed, "the copy of %s", cli_database());
    if (status != 0)
        error_print(stderr, "vae-lab", err->kind == ERR_SIGNAL ? &failed : err); /* the other one is returned */
    if (status == 0 || err->kind != ERR_SIGNAL)
        *err = failed;
    return -1;
}
