/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * bind/reference.c: the list of the native modules, and their reference, docs/natives.md, from the rows of their
 * functions and options.
 */
#include "bind/bind.h"

#include <string.h>

const BindModule *const bind_modules[] = {
    &bind_array_module, &bind_graph_module, &bind_data_module,  &bind_store_module, &bind_model_module,
    &bind_run_module,   &bind_recorder_module, &bind_stats_module, &bind_verdict_module,
    &bind_plot_module,  NULL,
};

/* Tables of options that are in the text already, and whose they are. */
enum { SHOWN_MAX = 64 };
typedef struct ShownRows {
    size_t count;
    const Option *rows[SHOWN_MAX];
    const char *owner[SHOWN_MAX];
} ShownRows;

static const char *owner_of(const ShownRows *shown, const Option *rows)
{
    for (size_t i = 0; i < shown->count; i++)
        if (shown->rows[i] == rows)
            return shown->owner[i];
    return NULL;
}

static void add_default(Text *t, const Option *o)
{
    if (o->required)
        text_add(t, "required");
    else if (o->type == OPTION_BOOLEAN)
        text_add(t, o->standard != 0 ? "true" : "false");
    else if (o->word != NULL)
        text_addf(t, "\"%s\"", o->word);
    else if (o->type < OPTION_BOOLEAN && o->standard >= o->least)
        text_addf(t, "%.12g", o->standard);
}

static void add_row(Text *t, const Option *o)
{
    text_addf(t, "| `%s` | ", o->name);
    if (o->type == OPTION_TABLE)
        text_add(t, "—");
    else
        option_expected(o, t);
    text_add(t, " | ");
    add_default(t, o);
    text_addf(t, " | %s |\n", o->text);
}

static void add_options(Text *t, const BindOptions *options, ShownRows *shown)
{
    int head = 0;
    for (int g = 0; g < BIND_OPTION_GROUPS; g++) {
        const BindOptionGroup *group = &options->group[g];
        const char *owner = owner_of(shown, group->rows);
        if (owner != NULL) {
            text_add(t, "\nOptions");
            for (size_t i = 0; i < group->count; i++)
                text_addf(t, "%s `%s`", i == 0 ? "" : ",", group->rows[i].name);
            text_addf(t, ": as of %s.\n", owner);
        }
    }
    for (int g = 0; g < BIND_OPTION_GROUPS; g++) {
        const BindOptionGroup *group = &options->group[g];
        if (group->count == 0 || owner_of(shown, group->rows) != NULL)
            continue;
        if (!head++)
            text_add(t, "\n| option | value | default | meaning |\n|---|---|---|---|\n");
        for (size_t i = 0; i < group->count; i++)
            add_row(t, &group->rows[i]);
        if (shown->count < SHOWN_MAX) {
            shown->rows[shown->count] = group->rows;
            shown->owner[shown->count++] = options->owner;
        }
    }
    text_add(t, "\n");
}

static void add_functions(Text *t, const char *prefix, const BindFunction *functions, ShownRows *shown)
{
    for (const BindFunction *f = functions; f != NULL && f->name != NULL; f++) {
        text_addf(t, "- `%s%s%s`: %s\n", prefix, f->name, f->use, f->text);
        if (f->options != NULL)
            add_options(t, f->options, shown);
    }
}

void bind_reference(Text *text)
{
    ShownRows shown = {0};
    text_add(text, "# The native modules\n\n"
                   "What the Lua library calls in C. Made from the rows of `src/bind/` by\n"
                   "`VAE_LAB_WRITE=1 build/release/tests/test_bind_natives`; the text is in the rows.\n"
                   "In a script: `require \"vae_lab.native.array\"`. A method is called on an object: `a:rows()`.\n");
    for (const BindModule *const *module = bind_modules; *module != NULL; module++) {
        const BindModule *m = *module;
        char prefix[64];
        text_addf(text, "\n## %s\n\n%s\n\n", m->name, m->text);
        snprintf(prefix, sizeof prefix, "%s.", m->name);
        add_functions(text, prefix, m->functions, &shown);
        add_functions(text, ":", m->methods, &shown);
        for (const BindOptions *const *table = m->tables; table != NULL && *table != NULL; table++) {
            text_addf(text, "\nThe table of %s:\n", (*table)->owner);
            add_options(text, *table, &shown);
        }
    }
}
