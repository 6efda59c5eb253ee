/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * graph/ops.c: the table of operations, and how to find one.
 */
#include "graph/ops.h"

#include <string.h>

const GraphOp *const graph_ops[] = {
#define OP(name) &graph_op_##name,
#define ROW(NAME, name, ...) OP(name)
    GRAPH_OPS(OP, ROW)
#undef OP
#undef ROW
};
const size_t graph_op_count = sizeof graph_ops / sizeof graph_ops[0];

const GraphOp *graph_op_find(const char *name)
{
    for (size_t i = 0; i < graph_op_count; i++)
        if (strcmp(graph_ops[i]->name, name) == 0)
            return graph_ops[i];
    return NULL;
}

const char *graph_op_recorded_name(const GraphOp *op)
{
    return op->recorded == NULL ? op->name : op->recorded;
}

const GraphOp *graph_op_recorded(const char *name)
{
    for (size_t i = 0; i < graph_op_count; i++)
        if (strcmp(graph_op_recorded_name(graph_ops[i]), name) == 0)
            return graph_ops[i];
    return NULL;
}
