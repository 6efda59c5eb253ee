/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_graph.c: the text of a graph.  A text that is accepted is the graph's own, and a small graph computes
 * all its named nodes and the gradient of the first.
 *
 * libFuzzer: -max_len=1200
 */
#include "fuzz/fuzz.h"

#include "graph/exec.h"

enum { OUTPUTS_MAX = 8, SMALL = 2000 };

/* The work of a graph whose arrays are small and few. */
static int is_small(const Graph *g)
{
    double values = 0;
    for (size_t i = 0; i < graph_count(g); i++) {
        GraphShape shape = graph_axes(g, (GraphNode)i);
        double size = 1;
        for (int axis = 0; axis < GRAPH_AXES; axis++)
            size *= (double)shape.n[axis];
        values += size;
    }
    return values <= SMALL;
}

static void compute(const Graph *g)
{
    const char *outputs[OUTPUTS_MAX + 1] = {NULL};
    static const float image[SMALL];
    Error err = ERROR_NONE;
    for (size_t i = 0; i < graph_name_count(g) && i < OUTPUTS_MAX; i++)
        outputs[i] = graph_name_at(g, i);
    if (outputs[0] == NULL)
        return;
    NumSeed seed = {1, NULL};
    GraphParams *params = graph_params_alloc(g, GRAPH_FLOAT, seed, image, 3, &err);
    GraphExecSpec spec = {.outputs = outputs, .objective = outputs[0]};
    GraphExec *exec = params == NULL ? NULL : graph_exec_alloc(g, &spec, params, &err);
    if (exec != NULL) {
        graph_exec_noise(exec, seed, "noise", 3);
        graph_exec_forward(exec);
        graph_exec_backward(exec);
        for (size_t i = 0; outputs[i] != NULL; i++)
            FUZZ_CHECK(graph_exec_output(exec, outputs[i], NULL) != NULL);
        graph_exec_first_nonfinite(exec);
    } else {
        fuzz_check_error(&err);
    }
    graph_exec_free(exec);
    graph_params_free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string(data, size);
    Error err = ERROR_NONE;
    Graph *g = graph_parse(text, &err);
    if (g == NULL) {
        fuzz_check_error(&err);
        FUZZ_CHECK(err.kind == ERR_STORE || err.kind == ERR_MEMORY);
    } else {
        Text again = {0};
        graph_text(g, &again);
        FUZZ_CHECK(strcmp(text_string(&again), text) == 0);
        text_free(&again);
        if (is_small(g))
            compute(g);
        graph_free(g);
    }
    free(text);
    return 0;
}
