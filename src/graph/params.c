/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/params.c: the trained parameters of a graph in one flat block, in the order of their names.
 */
#include "base/digest.h"
#include "base/mem.h"
#include "graph/exec_internal.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const struct Array *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* The list of arrays, sorted and placed. */
static int list(GraphParams *p, const Graph *g, Error *err)
{
    for (size_t i = 0; i < g->nodes; i++)
        p->arrays += g->node[i].kind == NODE_PARAM;
    size_t n = p->arrays;
    p->arrays = 0;
    if ((p->array = mem_array(n, sizeof p->array[0])) == NULL)
        return error_memory(err, "the list of params");
    for (size_t i = 0; i < g->nodes; i++) {
        const Node *node = &g->node[i];
        if (node->kind != NODE_PARAM)
            continue;
        struct Array *array = &p->array[p->arrays];
        if ((array->name = mem_string(node->name)) == NULL)
            return error_memory(err, "the name of a param");
        array->shape = node->shape;
        p->arrays++;
    }
    qsort(p->array, p->arrays, sizeof p->array[0], by_name);
    for (size_t i = 0; i < p->arrays; i++) {
        p->array[i].offset = p->count;
        p->count += num_shape_size(p->array[i].shape);
    }
    return 0;
}

static int check_image(const Node *node, const float *mean_image, size_t features, Error *err)
{
    if (!graph_init_wants_image(&node->init))
        return 0;
    size_t wanted = node->shape.n[NUM_FEATURES];
    if (mean_image != NULL && features == wanted)
        return 0;
    error_set(err, ERR_SCRIPT, "param %s: data_logit does not fit the data", node->name);
    error_found(err, mean_image == NULL ? "no data" : "a mean image of %zu features", features);
    error_expected(err, "a mean image of %zu features", wanted);
    return node->where == NULL ? -1 : error_in(err, "%s", node->where);
}

/* The first values, as floats. */
static int fill(GraphParams *p, const Graph *g, NumSeed seed, const float *mean_image, size_t features, float *w, Error *err)
{
    for (size_t i = 0; i < g->nodes; i++) {
        const Node *node = &g->node[i];
        if (node->kind != NODE_PARAM)
            continue;
        if (check_image(node, mean_image, features, err) != 0)
            return -1;
        const struct Array *array = graph_params_find(p, node->name);
        graph_init_fill(&node->init, seed, node->name, array->shape.n[NUM_BATCH], array->shape.n[NUM_FEATURES], mean_image,
                        w + array->offset);
    }
    return 0;
}

/* The double params are the float ones, widened: both train the same network. */
static int build(GraphParams *p, const Graph *g, NumSeed seed, const float *mean_image, size_t features, Error *err)
{
    if (list(p, g, err) != 0)
        return -1;
    float *w = mem_array(p->count, sizeof *w);
    if (w == NULL)
        return error_memory(err, "the params");
    int status = fill(p, g, seed, mean_image, features, w, err);
    if (status != 0 || p->type == GRAPH_FLOAT) {
        p->block = w;
        return status;
    }
    double *wide = mem_array(p->count, sizeof *wide);
    for (size_t i = 0; wide != NULL && i < p->count; i++)
        wide[i] = w[i];
    p->block = wide;
    mem_free(w);
    return wide == NULL ? error_memory(err, "the params") : 0;
}

GraphParams *graph_params_alloc(const Graph *g, GraphType type, NumSeed seed, const float *mean_image, size_t features,
                                Error *err)
{
    GraphParams *p = mem_alloc(sizeof *p);
    if (p == NULL) {
        error_memory(err, "the params");
        return NULL;
    }
    p->type = type;
    if (build(p, g, seed, mean_image, features, err) != 0) {
        graph_params_free(p);
        return NULL;
    }
    return p;
}

GraphParams *graph_params_of(const Graph *g, const float *values, size_t count, Error *err)
{
    GraphParams *p = mem_alloc(sizeof *p);
    if (p == NULL) {
        error_memory(err, "the params");
        return NULL;
    }
    p->type = GRAPH_FLOAT;
    int status = list(p, g, err);
    if (status == 0 && p->count != count) {
        status = error_set(err, ERR_STORE, "the weights do not fit the graph");
        error_found(err, "%zu values", count);
        error_expected(err, "%zu", p->count);
    }
    if (status == 0 && (p->block = mem_array(count, sizeof *values)) == NULL)
        status = error_memory(err, "the params");
    if (status != 0) {
        graph_params_free(p);
        return NULL;
    }
    memcpy(p->block, values, count * sizeof *values);
    return p;
}

void graph_params_free(GraphParams *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; p->array != NULL && i < p->arrays; i++)
        mem_free(p->array[i].name);
    mem_free(p->array);
    mem_free(p->block);
    mem_free(p);
}

const struct Array *graph_params_find(const GraphParams *p, const char *name)
{
    size_t low = 0, high = p->arrays;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(p->array[middle].name, name);
        if (order == 0)
            return &p->array[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t graph_params_count(const GraphParams *p) { return p->count; }
void *graph_params_block(GraphParams *p) { return p->block; }
size_t graph_params_arrays(const GraphParams *p) { return p->arrays; }
const char *graph_params_name(const GraphParams *p, size_t i) { return p->array[i].name; }
size_t graph_params_offset(const GraphParams *p, size_t i) { return p->array[i].offset; }
NumShape graph_params_shape(const GraphParams *p, size_t i) { return p->array[i].shape; }

void graph_params_digest(const GraphParams *p, char *text)
{
    Digest digest;
    digest_start(&digest);
    digest_floats(&digest, p->block, p->count);
    digest_end(&digest, text);
}
