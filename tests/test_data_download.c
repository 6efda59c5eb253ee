/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_data_download.c: one transfer against a local server (tests/e2e/server.py): complete, cut, resumed,
 * redirected, refused.
 */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */
#include "base/mem.h"
#include "data/download.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 100000, SHORT = 10 };

static char folder[256], part[300];
static unsigned char content[SIZE];
static FILE *server;
static int port;

/* ---- the server ------------------------------------------------------------------------------------------------- */

static int start_server(void **state)
{
    char path[300], command[600];
    const char *tmp = getenv("TMPDIR");
    (void)state;
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    snprintf(folder, sizeof folder, "%s/test_download.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(part, sizeof part, "%s/a.part", folder);
    snprintf(path, sizeof path, "%s/served", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/served/a", folder);
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (unsigned char)(i * 2654435761u >> 13);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(content, 1, SIZE, file) != SIZE || fclose(file) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/served/b", folder); /* a shorter file */
    file = fopen(path, "wb");
    if (file == NULL || fwrite(content, 1, SHORT, file) != SHORT || fclose(file) != 0)
        return -1;
    snprintf(command, sizeof command, "exec python3 tests/e2e/server.py %s/served", folder);
    server = popen(command, "r");
    if (server == NULL || fscanf(server, "%d", &port) != 1)
        port = 0;
    return 0;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

/* The server ends with its parent. */
static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int no_part(void **state)
{
    (void)state;
    unlink(part);
    return 0;
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

static DownloadResult get(const char *how, uint64_t most, uint64_t *resumed, Error *err)
{
    char url[128];
    if (port == 0)
        skip(); /* no python3 */
    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", port, how);
    const Download d = {.url = url, .part = part, .most = most, .stall = 1};
    return download(&d, resumed, err);
}

static void write_part(size_t size, const unsigned char *bytes)
{
    FILE *file = fopen(part, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t part_size(void)
{
    struct stat s;
    return stat(part, &s) == 0 ? (size_t)s.st_size : 0;
}

static void assert_whole(void)
{
    static unsigned char got[SIZE + 1];
    FILE *file = fopen(part, "rb");
    assert_non_null(file);
    assert_int_equal(fread(got, 1, sizeof got, file), SIZE);
    fclose(file);
    assert_memory_equal(got, content, SIZE);
}

static void fails(const char *how, const char *found)
{
    Error err = ERROR_NONE;
    uint64_t resumed;
    assert_int_equal(get(how, SIZE, &resumed, &err), DOWNLOAD_FAILED);
    assert_int_equal(err.kind, ERR_FILE);
    if (strstr(err.found, found) == NULL)
        fail_msg("'%s' is not in '%s'", found, err.found);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void a_whole_file_arrives(void **state)
{
    static const char *const ways[] = {"ok/a", "redirect/a", "norange/a", "slow/a"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        Error err = ERROR_NONE;
        uint64_t resumed;
        unlink(part);
        assert_int_equal(get(ways[i], SIZE, &resumed, &err), DOWNLOAD_DONE);
        assert_int_equal(resumed, 0);
        assert_whole();
    }
}

static void a_cut_file_goes_on(void **state)
{
    Error err = ERROR_NONE;
    uint64_t resumed;
    (void)state;
    fails("cut/a", "cut after 50000 bytes");
    assert_int_equal(part_size(), SIZE / 2);
    assert_int_equal(get("cut/a", SIZE, &resumed, &err), DOWNLOAD_DONE); /* now with a range */
    assert_int_equal(resumed, SIZE / 2);
    assert_whole();
}

static void a_server_without_ranges_starts_again(void **state)
{
    Error err = ERROR_NONE;
    uint64_t resumed;
    (void)state;
    write_part(1234, content + 5000); /* bytes of another place: they must go */
    assert_int_equal(get("norange/a", SIZE, &resumed, &err), DOWNLOAD_DONE);
    assert_int_equal(resumed, 0);
    assert_whole();
    write_part(1234, content);
    assert_int_equal(get("norange/b", SIZE, &resumed, &err), DOWNLOAD_DONE);
    assert_int_equal(part_size(), SHORT); /* nothing of the longer part is left behind it */
}

static void another_range_is_refused(void **state)
{
    (void)state;
    write_part(1234, content);
    fails("badrange/a", "another place");
    assert_int_equal(part_size(), 1234);
}

static void a_part_that_is_too_long_starts_again(void **state)
{
    static unsigned char longer[SIZE + 10];
    Error err = ERROR_NONE;
    uint64_t resumed;
    (void)state;
    write_part(SIZE, longer); /* the server answers 416 */
    assert_int_equal(get("ok/a", SIZE, &resumed, &err), DOWNLOAD_DONE);
    assert_int_equal(resumed, 0);
    assert_whole();
    write_part(SIZE + 10, longer); /* more than allowed */
    assert_int_equal(get("ok/a", SIZE, &resumed, &err), DOWNLOAD_DONE);
    assert_whole();
}

static void bad_answers_are_errors(void **state)
{
    (void)state;
    fails("ok/nothing", "status 404");
    fails("loop/a", "more than 5 redirects");
    fails("file/a", "rotocol");
    fails("stall/a", "no byte for 1 s, 1000 bytes so far");
    unlink(part);
    Error err = ERROR_NONE;
    uint64_t resumed;
    assert_int_equal(get("ok/a", SIZE - 1, &resumed, &err), DOWNLOAD_FAILED);
    assert_non_null(strstr(err.found, "more than 99999 bytes"));
}

static int stop(void *context, uint64_t here, uint64_t all)
{
    *(uint64_t *)context = all;
    return here > 0;
}

static void progress_stops_it(void **state)
{
    char url[128];
    Error err = ERROR_NONE;
    uint64_t resumed, all = 0;
    (void)state;
    if (port == 0)
        skip();
    snprintf(url, sizeof url, "http://127.0.0.1:%d/slow/a", port);
    const Download d = {.url = url, .part = part, .most = SIZE, .progress = stop, .context = &all};
    assert_int_equal(download(&d, &resumed, &err), DOWNLOAD_STOPPED);
    assert_int_equal(err.kind, ERR_SIGNAL);
    assert_int_equal(all, SIZE);
    assert_in_range(part_size(), 1, SIZE - 1);
}

static void an_unwritable_part_is_an_error_of_this_machine(void **state)
{
    Error err = ERROR_NONE;
    uint64_t resumed;
    (void)state;
    const Download d = {.url = "http://127.0.0.1:1/a", .part = "/proc/none/a.part", .most = SIZE};
    assert_int_equal(download(&d, &resumed, &err), DOWNLOAD_LOCAL);
    assert_non_null(strstr(err.where, "/proc/none/a.part"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, no_part, no_part)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_file_arrives),
        TEST(a_cut_file_goes_on),
        TEST(a_server_without_ranges_starts_again),
        TEST(another_range_is_refused),
        TEST(a_part_that_is_too_long_starts_again),
        TEST(bad_answers_are_errors),
        TEST(progress_stops_it),
        TEST(an_unwritable_part_is_an_error_of_this_machine),
    };
    return cmocka_run_group_tests(tests, start_server, remove_folder);
}
