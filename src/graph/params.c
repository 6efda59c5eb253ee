/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/params.c: the parameters of a graph in one flat block, in the order of their names.
 */
#include "base/digest.h"
#include "base/mem.h"
#include "graph/exec_internal.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const ParamArray *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int against_name(const void *name, const void *array)
{
    return strcmp(name, ((const ParamArray *)array)->name);
}

/* Lists the arrays, sorted by name, with their offsets. */
static int list_arrays(GraphParams *params, const Graph *g, Error *err)
{
    if ((params->array = mem_array(g->nodes, sizeof params->array[0])) == NULL)
        return error_memory(err, "the list of params");
    for (size_t i = 0; i < g->nodes; i++) {
        const Node *node = &g->node[i];
        if (node->kind != NODE_PARAM)
            continue;
        ParamArray *array = &params->array[params->arrays];
        if ((array->name = mem_string(node->name)) == NULL)
            return error_memory(err, "the name of a param");
        array->shape = graph_flat_shape(node->shape);
        params->arrays++;
    }
    qsort(params->array, params->arrays, sizeof params->array[0], by_name);
    for (size_t i = 0; i < params->arrays; i++) {
        params->array[i].offset = params->count;
        params->count += num_shape_size(params->array[i].shape);
    }
    return 0;
}

static int check_image(const Node *node, const float *mean_image, size_t features, Error *err)
{
    if (!graph_init_wants_image(&node->init))
        return 0;
    size_t expected = node->shape.n[NUM_FEATURES];
    if (mean_image != NULL && features == expected)
        return 0;
    error_set(err, ERR_SCRIPT, "param %s: data_logit needs a mean image of as many features", node->name);
    error_found(err, mean_image == NULL ? "no data" : "a mean image of %zu features", features);
    error_expected(err, "a mean image of %zu features", expected);
    return node->where == NULL ? -1 : error_in(err, "%s", node->where);
}

/* Writes the initial values at the start of the block, as floats for both types. */
static int fill(GraphParams *params, const Graph *g, NumSeed seed, const float *mean_image, size_t features, Error *err)
{
    for (size_t i = 0; i < g->nodes; i++) {
        const Node *node = &g->node[i];
        if (node->kind != NODE_PARAM)
            continue;
        if (check_image(node, mean_image, features, err) != 0)
            return -1;
        const ParamArray *array = graph_params_find(params, node->name);
        graph_init_fill(&node->init, seed, node->name, array->shape.n[NUM_BATCH], array->shape.n[NUM_FEATURES],
                        mean_image, (float *)params->block + array->offset);
    }
    return 0;
}

/* The params with their arrays listed and every value 0. */
static GraphParams *new_params(const Graph *g, GraphType type, Error *err)
{
    GraphParams *params = mem_alloc(sizeof *params);
    if (params == NULL) {
        error_memory(err, "the params");
        return NULL;
    }
    params->type = type;
    int status = list_arrays(params, g, err);
    size_t size = type == GRAPH_FLOAT ? sizeof(float) : sizeof(double);
    if (status == 0 && (params->block = mem_array(params->count, size)) == NULL)
        status = error_memory(err, "the params");
    if (status == 0)
        return params;
    graph_params_free(params);
    return NULL;
}

/* Double params are the float ones, widened: both types start from the same network. */
GraphParams *graph_params_alloc(const Graph *g, GraphType type, NumSeed seed, const float *mean_image, size_t features,
                                Error *err)
{
    GraphParams *params = new_params(g, type, err);
    if (params != NULL && fill(params, g, seed, mean_image, features, err) != 0) {
        graph_params_free(params);
        return NULL;
    }
    if (params != NULL && type == GRAPH_DOUBLE)
        graph_widen(params->block, params->count);
    return params;
}

GraphParams *graph_params_of(const Graph *g, const float *values, size_t count, Error *err)
{
    GraphParams *params = new_params(g, GRAPH_FLOAT, err);
    if (params == NULL)
        return NULL;
    if (params->count != count) {
        error_set(err, ERR_STORE, "the weights do not fit the graph");
        error_found(err, "%zu values", count);
        error_expected(err, "%zu", params->count);
        graph_params_free(params);
        return NULL;
    }
    memcpy(params->block, values, count * sizeof *values);
    return params;
}

void graph_params_free(GraphParams *params)
{
    if (params == NULL)
        return;
    for (size_t i = 0; i < params->arrays; i++)
        mem_free(params->array[i].name);
    mem_free(params->array);
    mem_free(params->block);
    mem_free(params);
}

const ParamArray *graph_params_find(const GraphParams *params, const char *name)
{
    return bsearch(name, params->array, params->arrays, sizeof params->array[0], against_name);
}

size_t graph_params_count(const GraphParams *params) { return params->count; }
void *graph_params_block(GraphParams *params) { return params->block; }
size_t graph_params_arrays(const GraphParams *params) { return params->arrays; }
const char *graph_params_name(const GraphParams *params, size_t i) { return params->array[i].name; }
size_t graph_params_offset(const GraphParams *params, size_t i) { return params->array[i].offset; }
NumShape graph_params_shape(const GraphParams *params, size_t i) { return params->array[i].shape; }

void graph_params_digest(const GraphParams *params, char *text)
{
    Digest digest;
    digest_start(&digest);
    digest_floats(&digest, params->block, params->count);
    digest_end(&digest, text);
}
