/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/provenance.h: where the runs of a sweep come from: the texts of their script, the git commit of its folder, the
 * machine and the program.
 */
#ifndef LAB_PROVENANCE_H
#define LAB_PROVENANCE_H

#include "base/text.h"
#include "lab/environment.h"
#include "lab/lab.h"

/* What git says of a folder. */
typedef struct LabGit {
    char commit[65];    /* "" when git does not know the folder, is missing or too slow */
    char changes[80];   /* "no"; "yes"; or why it is not known */
    Text difference;    /* of the folder's files to the commit; "" when there is none */
} LabGit;

/* Asks git about the folder of a script, for a few seconds at most.  Runs no program that the repository names (hook,
 * filter, pager, monitor, external diff), and changes nothing. */
void lab_git_read(LabGit *git, const char *script);
void lab_git_free(LabGit *git);

/* What a sweep records with each new run. */
typedef struct LabOrigin {
    StoreParam environment[LAB_ENVIRONMENT_MAX + 8];
    size_t nenvironment;
    StoreSource *sources;
    size_t nsources;
    LabGit git;
} LabOrigin;

/* [OUT] *origin, which borrows from *given (which may be NULL); lab_origin_free in any case. */
int lab_origin_read(LabOrigin *origin, const LabProvenance *given, int threads, Error *err);
void lab_origin_free(LabOrigin *origin);

#endif
