/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/read.h: named readers of results.db, so that no other room needs SQL.
 *
 * A reader that hands out rows calls `row` for each of them, as store_query does; its columns are named here.  All return 0, or -1
 * with *err.
 */
#ifndef STORE_READ_H
#define STORE_READ_H

#include "store/store.h"

/* ---- one run (read_run.c); ERR_STORE where there is no run of that number ---- */

/* [OUT] *graph: the canonical text; mem_free. */
int store_run_graph(Store *s, int64_t run, char **graph, Error *err);

/* [OUT] status, "done", and message[size]: why it failed or diverged, "" where nothing is recorded. */
enum { STORE_STATUS = 16 };
int store_run_status(Store *s, int64_t run, char status[STORE_STATUS], char *message, size_t size, Error *err);

/* [OUT] *epoch: the last epoch that is recorded, 0 where none is. */
int store_run_last_epoch(Store *s, int64_t run, int64_t *epoch, Error *err);

/* ---- runs in an experiment, under its label and its names of settings (read_run.c) ---- */

/* name, value: the settings of a run. */
int store_run_settings(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err);

/* name, value: the last value of each metric; NULL where it is not finite. */
int store_run_last_values(Store *s, int64_t run, const char *experiment, StoreRow row, void *context, Error *err);

/* The columns of the view `runs`: the finished runs of a sweep that belong to the experiment, in the sweep's order. */
int store_sweep_runs(Store *s, int64_t sweep, const char *experiment, StoreRow row, void *context, Error *err);

/* id, label, seed, status, elbo, reconstruction, kl, nll: all runs of a sweep, whatever their status, by their numbers. */
int store_sweep_results(Store *s, int64_t sweep, StoreRow row, void *context, Error *err);

#endif
