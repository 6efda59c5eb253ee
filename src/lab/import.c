/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/import.c: imported weights as a finished run.  Promise: its identity is no trained run's; an import that is
 * killed is completed by the next one.
 */
#include "lab/import.h"

#include "base/mem.h"
#include "lab/training.h"
#include "lab/worker.h"
#include "num/isa.h"
#include "num/rng.h"

#include <inttypes.h>
#include <string.h>

/* ---- identity ---------------------------------------------------------------------------------------------------- */

static const char *generator(const LabRun *run)
{
    return run->spec.seed.rng == NULL ? num_rng_philox->name : run->spec.seed.rng->name;
}

static void digest_number(Digest *d, uint64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRIu64, value);
    digest_string(d, number);
}

/* {"imported":"DIGEST"}, and the generator where it is not the default: evaluations draw with it. */
static void plan_text(Text *t, const LabRun *run, const char *digest)
{
    text_addf(t, "{\"imported\":\"%s\"", digest);
    if (strcmp(generator(run), num_rng_philox->name) != 0) {
        text_add(t, ",\"rng\":");
        text_add_json(t, generator(run));
    }
    text_add(t, "}");
}

int lab_import_identify(LabRun *run, const GraphParams *params, Error *err)
{
    char weights[DIGEST_TEXT];
    Text plan = {0}, graph = {0};
    Digest d;
    graph_params_digest(params, weights);
    plan_text(&plan, run, weights);
    graph_text(run->spec.graph, &graph);
    char *copy = plan.failed || graph.failed ? NULL : mem_string(text_string(&plan));
    if (copy != NULL) {
        digest_start(&d);
        digest_string(&d, "vae-lab import");
        digest_number(&d, NUM_ARITHMETIC_VERSION);
        digest_string(&d, text_string(&graph));
        digest_string(&d, weights);
        digest_string(&d, data_digest(run->spec.data));
        digest_number(&d, run->spec.seed.number);
        digest_string(&d, generator(run));
        digest_end(&d, run->identity);
        mem_free(run->plan);
        run->plan = copy;
    }
    text_free(&plan);
    text_free(&graph);
    return copy == NULL ? error_memory(err, "an imported run") : 0;
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static int queue(Store *s, const LabImported *imported, const LabOrigin *origin, int64_t *id, StoreClaim *claim,
                 Error *err)
{
    const LabRun *run = imported->run;
    Text graph = {0}, data = {0};
    graph_text(run->spec.graph, &graph);
    data_recorded_text(run->spec.data, &data);
    const StoreParam columns[] = {
        {.name = "epochs", .number = 0},
        {.name = "data", .text = data_description(run->spec.data)},
        {.name = "imported", .text = imported->file},
    };
    const StoreRunSpec spec = {
        .experiment = run->experiment,
        .question = run->question,
        .script = run->script,
        .identity = run->identity,
        .label = run->label,
        .seed = run->spec.seed.number,
        .graph = text_string(&graph),
        .plan = run->plan,
        .data_digest = data_digest(run->spec.data),
        .columns = columns,
        .ncolumns = sizeof columns / sizeof columns[0],
        .params = run->params,
        .nparams = run->nparams,
        .environment = origin->environment,
        .nenvironment = origin->nenvironment,
        .data_options = text_string(&data),
        .sources = origin->sources,
        .nsources = origin->nsources,
    };
    int status = graph.failed || data.failed ? error_memory(err, "a run's record")
                                             : store_run_queue(s, &spec, 0, id, claim, err);
    text_free(&graph);
    text_free(&data);
    return status;
}

/* The test metrics, at step 0: an imported run has no epochs. */
static int record_test(Store *s, int64_t id, const LabRun *run, GraphParams *params, Error *err)
{
    StoreMetric metric[LAB_METRICS_MAX];
    char name[LAB_METRICS_MAX][64];
    double mean[LAB_METRICS_MAX];
    size_t count;
    if (lab_test(&run->spec, params, mean, &count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        snprintf(name[i], sizeof name[i], "test/%s", run->spec.metrics[i]);
        metric[i] = (StoreMetric){name[i], 0, mean[i], lab_scale(run->spec.metrics[i])};
    }
    return store_run_record(s, id, metric, count, NULL, err);
}

static int busy(int64_t id, Error *err)
{
    error_set(err, ERR_RUN, "another process is importing these weights (run %" PRId64 ")", id);
    return error_hint(err, "when it has ended, the same command prints the results");
}

int lab_import_record(Store *s, const LabImported *imported, int64_t *id, StoreClaim *claim, Error *err)
{
    StoreClaim started;
    LabOrigin origin;
    int status = lab_origin_read(&origin, imported->provenance, imported->threads, err);
    if (status == 0)
        status = queue(s, imported, &origin, id, claim, err);
    lab_origin_free(&origin);
    if (status != 0)
        return -1;
    if (*claim == STORE_DONE) /* vae-lab gc may have dropped the weights */
        return lab_restore_weights(s, *id, imported->params, err);
    if (*claim == STORE_BUSY || store_run_start(s, *id, &started, err) != 0)
        return *claim == STORE_BUSY ? busy(*id, err) : -1;
    if (started == STORE_BUSY || started == STORE_DONE)
        return started == STORE_BUSY ? busy(*id, err) : 0;
    if (record_test(s, *id, imported->run, imported->params, err) == 0 &&
        lab_finish(s, *id, "done", NULL, 0, imported->params, err) == 0)
        return 0;
    char text[1200];
    Error ignored = ERROR_NONE; /* the first failure is reported */
    error_text(text, sizeof text, err);
    store_run_finish(s, *id, "failed", text, 0, NULL, NULL, 0, NULL, &ignored);
    return -1;
}
