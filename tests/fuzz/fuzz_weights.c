/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_weights.c: the recorded weights, graph and training plan of a run, any of them damaged, when its model is
 * opened.  A model that opens has the graph's weights, bit for bit, and evaluates.  The input: one byte, which parts are
 * replaced; then the graph's text, the plan's text, each with its length (two bytes), and the weights.
 *
 * libFuzzer: -max_len=1500 -detect_leaks=0
 */
#include "fuzz/database.h"

#include "graph/exec.h"
#include "infer/infer.h"

/* Its changes stay in one transaction: nothing is written to the file. */
static Store *open_once(void)
{
    static Store *s;
    char path[300];
    Error err = ERROR_NONE;
    if (s != NULL)
        return s;
    fuzz_make_database(path);
    s = store_open(path, STORE_WRITE, &err);
    fuzz_must(s == NULL, &err);
    FUZZ_CHECK(sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
    return s;
}

enum { GRAPH, PLAN, WEIGHTS };

/* Replaces one value of run 1; own: by the one that it has without damage. */
static void put(Store *s, int what, int own, const void *bytes, size_t size)
{
    static const char *const sql[] = {"UPDATE run SET graph = ?1 WHERE id = 1", "UPDATE run SET plan = ?1 WHERE id = 1",
                                      "UPDATE artifact SET bytes = ?1 WHERE run = 1"};
    static sqlite3_stmt *statement[3];
    static int is_own[3];
    if (own && is_own[what])
        return;
    is_own[what] = own;
    if (statement[what] == NULL)
        FUZZ_CHECK(sqlite3_prepare_v2(s->db, sql[what], -1, &statement[what], NULL) == SQLITE_OK);
    if (what == WEIGHTS)
        sqlite3_bind_blob(statement[what], 1, bytes, (int)size, SQLITE_STATIC);
    else
        sqlite3_bind_text(statement[what], 1, bytes, (int)size, SQLITE_STATIC);
    sqlite3_step(statement[what]); /* a constraint of the table may refuse it */
    sqlite3_reset(statement[what]);
}

/* The next part: two bytes of length, and as many bytes as there are. */
static const uint8_t *cut(const uint8_t **data, size_t *size, size_t *length)
{
    static const uint8_t nothing[1];
    *length = 0;
    if (*size < 2)
        return nothing;
    *length = (*data)[0] | (size_t)(*data)[1] << 8;
    *data += 2, *size -= 2;
    if (*length > *size)
        *length = *size;
    const uint8_t *part = *data;
    *data += *length, *size -= *length;
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Store *s = open_once();
    Error err = ERROR_NONE;
    static const float zeros[FUZZ_WEIGHTS];
    if (size < 1)
        return 0;
    unsigned which = data[0];
    size_t ngraph, nplan;
    data++, size--;
    const uint8_t *graph = cut(&data, &size, &ngraph), *plan = cut(&data, &size, &nplan);
    if (which & 1)
        put(s, GRAPH, 0, graph, ngraph);
    else
        put(s, GRAPH, 1, fuzz_graph, strlen(fuzz_graph));
    if (which & 2)
        put(s, PLAN, 0, plan, nplan);
    else
        put(s, PLAN, 1, fuzz_plan, strlen(fuzz_plan));
    if (which & 4)
        put(s, WEIGHTS, 0, data, size);
    else
        put(s, WEIGHTS, 1, zeros, sizeof zeros);
    InferModel *model = infer_model_open(s, 1, &err);
    if (model == NULL) {
        fuzz_check_error(&err);
        FUZZ_CHECK(err.kind == ERR_STORE || err.kind == ERR_MEMORY);
        return 0;
    }
    GraphParams *params = infer_model_params(model);
    const void *block = graph_params_block(params);
    size_t bytes = graph_params_count(params) * sizeof(float);
    FUZZ_CHECK(bytes == (which & 4 ? size : sizeof zeros));
    FUZZ_CHECK(bytes == 0 || memcmp(block, which & 4 ? (const void *)data : zeros, bytes) == 0);
    infer_model_free(model);
    return 0;
}
