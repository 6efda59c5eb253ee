/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * store/schema_check.c: whether the schema of a file is ours.  A results.db may come from anybody; a trigger or a changed
 * table in it would act on what we write, a changed view on what we read.
 *
 * Promise: tables, indices and views of ours are as schema*.sql makes them, to the word; what else is in the file cannot
 * change what this program reads or writes.  Tables, plain indices and views of the user's own are allowed.
 */
#include "store/inside.h"

#include "base/mem.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char doing[] = "check its schema";

/* ---- SQL without comments and spaces ---------------------------------------------------------------------------- */

static int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The length of the comment or the spaces at the start of `sql`, 0 where there are none. */
static size_t gap(const char *sql)
{
    const char *end = NULL;
    if (strncmp(sql, "--", 2) == 0)
        return strcspn(sql, "\n");
    if (strncmp(sql, "/*", 2) == 0)
        return (end = strstr(sql + 2, "*/")) == NULL ? strlen(sql) : (size_t)(end - sql) + 2;
    return strspn(sql, " \t\r\n\f");
}

/* The length of the quoted text at the start of `sql`; 1 where none begins there. */
static size_t quoted(const char *sql)
{
    if (strchr("'\"`[", sql[0]) == NULL)
        return 1;
    const char *end = strchr(sql + 1, sql[0] == '[' ? ']' : sql[0]);
    return end == NULL ? strlen(sql) : (size_t)(end - sql) + 1;
}

/* Comments and spaces carry no meaning: older programs made the same tables with other comments. */
static void add_plain(Text *t, const char *sql)
{
    int apart = 0;
    for (size_t n; *sql != '\0'; sql += n) {
        if ((n = gap(sql)) > 0) {
            apart = 1;
            continue;
        }
        if (apart && t->length > 0 && is_word(t->data[t->length - 1]) && is_word(*sql))
            text_add(t, " ");
        apart = 0;
        n = quoted(sql);
        text_add_bytes(t, sql, n);
    }
}

/* ---- what the schema of a version holds ------------------------------------------------------------------------- */

typedef struct SchemaObject {
    const char *type, *name, *table; /* "index", its name, its table */
    const char *sql;                 /* plain; "" for an index that a constraint makes */
    char *block;                     /* where it is kept: holds the texts; mem_free */
} SchemaObject;

typedef struct SchemaList {
    SchemaObject *object;
    size_t count;
} SchemaList;

/* Calls `take` for each object of a schema; its texts are valid during the call. */
typedef int (*SchemaRow)(void *context, const SchemaObject *o, Error *err);
static int read_objects(Store *s, SchemaRow take, void *context, Error *err)
{
    Text plain = {0};
    sqlite3_stmt *row = store_bind(s, err, doing,
                                   "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY rowid", "");
    int code = SQLITE_ROW, status = row == NULL ? -1 : 0;
    while (status == 0 && (code = sqlite3_step(row)) == SQLITE_ROW) {
        plain.length = 0;
        add_plain(&plain, store_column(row, 3));
        const SchemaObject o = {store_column(row, 0), store_column(row, 1), store_column(row, 2),
                                plain.length == 0 ? "" : text_string(&plain), NULL};
        status = plain.failed ? error_memory(err, "the schema") : take(context, &o, err);
    }
    if (status == 0 && code != SQLITE_DONE)
        status = store_fail(s, err, doing);
    sqlite3_finalize(row);
    text_free(&plain);
    return status;
}

/* Copies a text to *to, and moves *to behind it. */
static const char *copy(char **to, const char *text)
{
    char *copied = *to;
    strcpy(copied, text);
    *to += strlen(text) + 1;
    return copied;
}

static int keep_object(void *context, const SchemaObject *o, Error *err)
{
    SchemaList *list = context;
    SchemaObject *grown = mem_grow(list->object, list->count * sizeof *grown, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        return error_memory(err, "the schema");
    list->object = grown;
    char *block = mem_alloc(strlen(o->type) + strlen(o->name) + strlen(o->table) + strlen(o->sql) + 4), *to = block;
    if (block == NULL)
        return error_memory(err, "the schema");
    SchemaObject *kept = &grown[list->count++];
    kept->block = block;
    kept->type = copy(&to, o->type);
    kept->name = copy(&to, o->name);
    kept->table = copy(&to, o->table);
    kept->sql = copy(&to, o->sql);
    return 0;
}

static void list_free(SchemaList *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->object[i].block);
    mem_free(list->object);
    *list = (SchemaList){0};
}

/* Makes the tables of a version in memory, of the newest one with the views, and reads their schema. */
static int list_make(SchemaList *list, int64_t version, Error *err)
{
    char name[] = "(in memory)";
    Store s = {.path = name};
    int code = sqlite3_open(":memory:", &s.db), status = 0;
    int last = version == store_schema_version ? store_schema_version : (int)version - 1;
    for (int v = 0; code == SQLITE_OK && v <= last; v++)
        code = sqlite3_exec(s.db, store_schema_sql(v), NULL, NULL, NULL);
    if (code != SQLITE_OK)
        status = s.db == NULL ? error_memory(err, "the schema") : store_fail(&s, err, doing);
    if (status == 0)
        status = read_objects(&s, keep_object, list, err);
    if (status != 0)
        list_free(list);
    sqlite3_close(s.db);
    return status;
}

/* The schema of a version, made once in each process; NULL with *err. */
static const SchemaList *expected_of(int64_t version, Error *err)
{
    static SchemaList *known; /* [version] */
    if (known == NULL && (known = mem_array((size_t)store_schema_version + 1, sizeof *known)) == NULL) {
        error_memory(err, "the schema");
        return NULL;
    }
    return known[version].object == NULL && list_make(&known[version], version, err) != 0 ? NULL : &known[version];
}

static const SchemaObject *named(const SchemaList *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (sqlite3_stricmp(list->object[i].name, name) == 0)
            return &list->object[i];
    return NULL;
}

/* ---- what differs ----------------------------------------------------------------------------------------------- */

/* A name as a part of SQL in the hint's double quotes, without what could steer a terminal. */
static const char *shown(char text[96], const char *name)
{
    size_t n = 0;
    for (; *name != '\0' && n + 1 < 96; name++)
        text[n++] = iscntrl((unsigned char)*name) || *name == '"' || *name == '\'' ? '?' : *name;
    text[n] = '\0';
    return text;
}

static int refuse(Store *s, Error *err, const SchemaObject *o, const char *what)
{
    char name[96];
    error_set(err, ERR_STORE, "the schema of this database is not vae-lab's: %s %s %s", o->type, shown(name, o->name), what);
    error_where(err, "%s", s->path);
    return -1;
}

static int hint_drop(Store *s, Error *err, const SchemaObject *o, const char *then)
{
    char name[96], kind[16] = "";
    for (size_t i = 0; i + 1 < sizeof kind && o->type[i] != '\0'; i++)
        kind[i] = (char)toupper((unsigned char)o->type[i]);
    return error_hint(err, "nothing was changed; sqlite3 '%s' 'DROP %s \"%s\"' removes it%s", s->path, kind,
                      shown(name, o->name), then);
}

/* The texts from a little before the first difference on. */
static void show_difference(Error *err, const char *found, const char *expected)
{
    enum { BEFORE = 40, SHOWN = 160 };
    size_t same = 0;
    while (found[same] != '\0' && found[same] == expected[same])
        same++;
    size_t from = same < BEFORE ? 0 : same - BEFORE;
    while (from > 0 && ((unsigned char)found[from] & 0xc0) == 0x80)
        from--; /* no character is cut */
    error_found(err, "%s%.*s", from > 0 ? "… " : "", SHOWN, found + from);
    error_expected(err, "%s%.*s", from > 0 ? "… " : "", SHOWN, expected + from);
}

static int is_changed(Store *s, const SchemaObject *found, const SchemaObject *expected, Error *err)
{
    refuse(s, err, found, "was changed");
    if (strcmp(found->type, expected->type) != 0 || strcmp(found->table, expected->table) != 0) {
        error_found(err, "%s on %s", found->type, found->table);
        error_expected(err, "%s on %s", expected->type, expected->table);
    } else {
        show_difference(err, found->sql, expected->sql);
    }
    if (strcmp(found->type, "view") == 0 && strcmp(expected->type, "view") == 0)
        return hint_drop(s, err, found, "; the next vae-lab run makes ours again");
    return error_hint(err, "nothing was changed; restore a copy, or use another file with --db FILE");
}

/* ---- what else is in the file ----------------------------------------------------------------------------------- */

/* An index that can make our writes fail or replace rows: unique, of an expression, or with a condition. */
static int check_index(Store *s, const SchemaObject *o, Error *err)
{
    int64_t found;
    int harmful = store_integer(s, err, &found, doing,
                                "SELECT 1 FROM pragma_index_list(?1) l, pragma_index_xinfo(l.name) x WHERE l.name = ?2 "
                                "AND (l.\"unique\" OR l.partial OR x.cid = -2) LIMIT 1",
                                "tt", o->table, o->name);
    if (harmful <= 0)
        return harmful;
    refuse(s, err, o, "would act on what is recorded");
    error_found(err, "%.200s", o->sql);
    error_expected(err, "no other index on table %s than a plain one", o->table);
    return hint_drop(s, err, o, "");
}

static int check_other(Store *s, const SchemaList *expected, const SchemaObject *o, Error *err)
{
    if (strcmp(o->type, "trigger") == 0) {
        refuse(s, err, o, "would act on what is recorded");
        error_found(err, "%.200s", o->sql);
        error_expected(err, "no triggers");
        return hint_drop(s, err, o, "");
    }
    if (strcmp(o->type, "table") == 0 && sqlite3_strnicmp(o->sql, "CREATE VIRTUAL", 14) == 0) {
        refuse(s, err, o, "is a virtual table");
        error_found(err, "%.200s", o->sql);
        error_expected(err, "tables that SQLite itself stores");
        return hint_drop(s, err, o, "");
    }
    const SchemaObject *table = named(expected, o->table);
    return strcmp(o->type, "index") == 0 && table != NULL ? check_index(s, o, err) : 0;
}

/* ---- the whole schema ------------------------------------------------------------------------------------------- */

/* Whether a view of this name is made by every migration, whatever it was before. */
static int is_remade(const SchemaList *newest, const SchemaObject *o)
{
    const SchemaObject *ours = named(newest, o->name);
    return strcmp(o->type, "view") == 0 && ours != NULL && strcmp(ours->type, "view") == 0;
}

typedef struct SchemaCheck {
    Store *store;
    const SchemaList *expected, *newest;
    unsigned char *seen; /* of expected->object[i] */
} SchemaCheck;

static int check_object(void *context, const SchemaObject *o, Error *err)
{
    SchemaCheck *c = context;
    const SchemaObject *ours = named(c->expected, o->name), *later = named(c->newest, o->name);
    if (ours != NULL) {
        c->seen[ours - c->expected->object] = 1;
        return strcmp(o->type, ours->type) == 0 && strcmp(o->table, ours->table) == 0 && strcmp(o->sql, ours->sql) == 0
                   ? 0
                   : is_changed(c->store, o, ours, err);
    }
    if (later != NULL && !is_remade(c->newest, o)) /* a migration could not make ours */
        return is_changed(c->store, o, later, err);
    return check_other(c->store, c->expected, o, err);
}

static int check_missing(const SchemaCheck *c, int *views, Error *err)
{
    for (size_t i = 0; i < c->expected->count; i++) {
        const SchemaObject *ours = &c->expected->object[i];
        if (c->seen[i])
            continue;
        if (strcmp(ours->type, "view") != 0) {
            refuse(c->store, err, ours, "is missing");
            error_expected(err, "%.200s", ours->sql);
            return error_hint(err, "nothing was changed; restore a copy, or use another file with --db FILE");
        }
        *views = 1;
    }
    return 0;
}

int store_schema_check(Store *s, int64_t version, int *views_missing, Error *err)
{
    *views_missing = 0;
    SchemaCheck c = {.store = s, .newest = expected_of(store_schema_version, err)};
    if (c.newest == NULL || (c.expected = expected_of(version, err)) == NULL)
        return -1;
    c.seen = mem_array(c.expected->count + 1, sizeof *c.seen);
    int status = c.seen == NULL ? error_memory(err, "the schema") : read_objects(s, check_object, &c, err);
    if (status == 0)
        status = check_missing(&c, views_missing, err);
    mem_free(c.seen);
    return status;
}
