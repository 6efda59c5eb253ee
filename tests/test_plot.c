/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * test_plot.c: a figure is whole and drawn twice with the same bytes, or it fails with a clear error: quoting, a
 * missing gnuplot, folders, full disks, gnuplot's messages.
 *
 * Every test draws into a new folder below TMPDIR.  Without gnuplot the drawing tests are skipped with a message.
 */
#include "plot/plot.h"

#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static char folder[256];

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    snprintf(folder, sizeof folder, "%s/test_plot.XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    char command[512];
    (void)state;
    unsetenv("VAE_LAB_GNUPLOT");
    chmod(folder, 0700);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : -1;
}

static void need_gnuplot(void)
{
    char version[64];
    if (plot_version(version, sizeof version) != 0) {
        print_message("skipped: gnuplot is not installed\n");
        skip();
    }
}

/* [OUT] the bytes of FOLDER/name; mem_free. */
static char *read_file(const char *name, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    *size = 0;
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = mem_alloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static int exists(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int contains(const char *bytes, size_t size, const char *what)
{
    size_t length = strlen(what);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(bytes + i, what, length) == 0)
            return 1;
    return 0;
}

/* The folder holds script, data and finished figures only. */
static void assert_no_partial_files(void)
{
    char command[512];
    snprintf(command, sizeof command, "ls -A '%s' | grep -q part && exit 1 || exit 0", folder);
    assert_int_equal(system(command), 0);
}

static const float pixels[6] = {0.0F, 0.25F, 0.5F, 0.75F, 1.0F, 0.125F};
static const char columns[] = "1 2\n2 3\n3 5\n";

static PlotFigure figure_of(const char *body)
{
    static const PlotBlock blocks[] = {{"points", columns, sizeof columns - 1, 0}, {"image", pixels, sizeof pixels, 1}};
    return (PlotFigure){.folder = folder, .name = "a-figure", .width_cm = 6, .height_cm = 4, .body = body,
                        .blocks = blocks, .nblocks = 2};
}

static const char good_body[] = "set xrange [0:4]\nset yrange [0:6]\nset palette gray\n"
                                "plot data_image binary array=(3,2) format='%float32' origin=(1,1) with image notitle, "
                                "data_points using 1:2 with linespoints title (tex ? '$\\beta$' : 'β')\n";

static void draws(const PlotFigure *f, const char *format)
{
    Error err = ERROR_NONE;
    if (plot_render(f, format, &err) != 0) {
        error_print(stderr, "test_plot", &err);
        fail();
    }
}

/* ---- whole figures, the same bytes twice ---- */

static void every_format_gives_the_same_bytes_twice(void **state)
{
    static const char *const files[][2] = {{"pdf", "a-figure.pdf"}, {"png", "a-figure.png"}, {"svg", "a-figure.svg"},
                                           {"tex", "a-figure.tex"}, {"tex", "a-figure-tex.pdf"}};
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of(good_body);
    char *first[5];
    size_t size[5];
    for (size_t i = 0; i < 5; i++) {
        draws(&f, files[i][0]);
        first[i] = read_file(files[i][1], &size[i]);
        assert_non_null(first[i]);
        assert_true(size[i] > 500);
    }
    /* pdf dates have seconds: let the clock move, and the time zone */
    struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
    nanosleep(&pause, NULL);
    setenv("TZ", "IST-5:30", 1);
    for (size_t i = 0; i < 5; i++) {
        size_t again_size;
        draws(&f, files[i][0]);
        char *again = read_file(files[i][1], &again_size);
        assert_int_equal(again_size, size[i]);
        if (memcmp(again, first[i], size[i]) != 0)
            fail_msg("%s differs between two renderings", files[i][1]);
        mem_free(again);
        mem_free(first[i]);
    }
    unsetenv("TZ");
    assert_no_partial_files();
}

static void the_script_draws_the_figure_by_hand(void **state)
{
    char command[512];
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of(good_body);
    draws(&f, "svg");
    assert_true(exists("a-figure.gp") && exists("a-figure.points.dat") && exists("a-figure.image.bin"));
    assert_false(exists("a-figure.pdf"));
    snprintf(command, sizeof command, "cd '%s' && gnuplot a-figure.gp && gnuplot -e \"format='png'\" a-figure.gp",
             folder);
    assert_int_equal(system(command), 0);
    assert_true(exists("a-figure.pdf") && exists("a-figure.png"));
}

static void tex_finds_its_graphic(void **state)
{
    size_t size;
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of(good_body);
    draws(&f, "tex");
    char *tex = read_file("a-figure.tex", &size);
    assert_true(contains(tex, size, "{\\vaelabfolder a-figure-tex.pdf}"));
    assert_true(contains(tex, size, "$\\beta$"));
    assert_false(contains(tex, size, "part"));
    mem_free(tex);
    assert_false(exists("a-figure.pdf")); /* the pdf figure of that name is another file */
}

/* gnuplot's svg embeds an image with one colour per pixel; its png is decoded here to check every value. */
static void image_pixels_are_exact(void **state)
{
    static const char *const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const int expected[2][3] = {{191, 255, 32}, {0, 64, 128}}; /* 255 v, the first row below */
    size_t size, length = 0;
    unsigned char png[4096] = {0}, raw[64];
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of("set xrange [0:4]\nset yrange [0:3]\nset palette gray gamma 1\nset cbrange [0:1]\n"
                             "unset colorbox\n"
                             "plot data_image binary array=(3,2) format='%float32' origin=(1,1) with image notitle\n");
    draws(&f, "svg");
    char *svg = read_file("a-figure.svg", &size);
    const char *text = strstr(svg, "base64,");
    assert_non_null(text);
    unsigned bits = 0, have = 0;
    for (text += 7; *text != '\'' && *text != '"' && length < sizeof png; text++) {
        const char *place = strchr(alphabet, *text);
        if (place == NULL)
            continue;
        bits = bits << 6 | (unsigned)(place - alphabet);
        have += 6;
        if (have >= 8)
            png[length++] = (unsigned char)(bits >> (have -= 8));
    }
    mem_free(svg);
    unsigned char data[2048];
    size_t packed = 0;
    int channels = png[25] == 6 ? 4 : png[25] == 2 ? 3 : 1;
    for (size_t at = 8; at + 12 <= length;) {
        size_t n = (size_t)png[at] << 24 | (size_t)png[at + 1] << 16 | (size_t)png[at + 2] << 8 | png[at + 3];
        assert_true(at + 12 + n <= length);
        if (memcmp(png + at + 4, "IDAT", 4) == 0) {
            memcpy(data + packed, png + at + 8, n);
            packed += n;
        }
        at += 12 + n;
    }
    uLongf room = sizeof raw;
    assert_int_equal(uncompress(raw, &room, data, packed), Z_OK);
    assert_int_equal(room, 2 * (1 + 3 * channels));
    unsigned char row[2][16] = {{0}};
    for (int y = 0; y < 2; y++) {
        const unsigned char *line = raw + y * (1 + 3 * channels);
        assert_in_range(line[0], 0, 2); /* filters none, sub and up are all that six pixels need */
        for (int i = 0; i < 3 * channels; i++) {
            int left = line[0] == 1 && i >= channels ? row[y][i - channels] : 0;
            int before = line[0] == 2 && y > 0 ? row[y - 1][i] : left;
            row[y][i] = (unsigned char)(line[1 + i] + before);
        }
        for (int x = 0; x < 3; x++)
            assert_in_range(row[y][x * channels], expected[y][x] > 0 ? expected[y][x] - 1 : 0, expected[y][x] + 1);
    }
}

/* ---- text is never a command ---- */

static void text_is_never_a_command(void **state)
{
    static const char *const texts[] = {
        "`touch ran`", "$(touch ran)", "it's \"quoted\"", "'; system('touch ran'); '", "a\nsystem(\"touch ran\")",
        "\\n %s %d $x^2_3$ {b} @c &d ~e",
        "[r]{x}", "{", "β = 0, 5 % − ½", "",
    };
    size_t size;
    (void)state;
    need_gnuplot();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Text body = {0};
        text_add(&body, "set title ");
        plot_quote(&body, texts[i]);
        text_add(&body, "\nset label 1 ");
        plot_quote(&body, texts[i]);
        text_add(&body, " at 1,1\nplot [0:2] x title ");
        plot_quote(&body, texts[i]);
        text_add(&body, "\n");
        PlotFigure f = figure_of(text_string(&body));
        draws(&f, "svg");
        draws(&f, "tex");
        text_free(&body);
        assert_false(exists("ran"));
        assert_int_not_equal(access("ran", F_OK), 0);
    }
    PlotFigure f = figure_of("");
    Text body = {0};
    text_add(&body, "set title ");
    plot_quote(&body, "a_b^c{d}@e&f~g\\h'i`j");
    text_add(&body, "\nplot [0:2] x notitle\n");
    f.body = text_string(&body);
    draws(&f, "svg");
    char *svg = read_file("a-figure.svg", &size);
    assert_true(contains(svg, size, "a_b^c{d}@e&amp;f~g\\h'i`j")); /* unchanged: no sub- or superscript, nothing lost */
    mem_free(svg);
    draws(&f, "tex");
    char *tex = read_file("a-figure.tex", &size);
    assert_true(contains(tex, size, "a\\_b\\textasciicircum{}c\\{d\\}@e\\&f\\textasciitilde{}g\\textbackslash{}h'i"
                                    "\\textasciigrave{}j"));
    mem_free(tex);
    text_free(&body);
}

static void plain_text_is_unchanged(void **state)
{
    Text t = {0};
    (void)state;
    plot_quote(&t, "it's plain");
    assert_string_equal(text_string(&t), "'it''s plain'");
    text_free(&t);
    plot_quote(&t, "'quoted' first");
    assert_string_equal(text_string(&t), "(\"'\".'quoted'' first')");
    text_free(&t);
    plot_quote(&t, "β = 0");
    assert_string_equal(text_string(&t), "(tex ? '$\\beta$ = 0' : 'β = 0')");
    text_free(&t);
}

/* What LaTeX and svg would not accept, or would print as something else. */
static void odd_characters_are_spelt(void **state)
{
    static const char *const pairs[][2] = {
        {"50 % off", "(tex ? '50 \\% off' : '50 % off')"},
        {"\"two\"", "(tex ? '\\char34{}two\\char34{}' : '\"two\"')"},
        {"a--b", "(tex ? 'a-{}-b' : 'a--b')"},
        {"e\xcc\x81", "(tex ? '\\''{e}' : 'e\xcc\x81')"},
        {"漢", "(tex ? '\\ifdefined\\Umathcode 漢\\else{\\tiny 6F22}\\fi{}' : '漢')"},
        {"back\\slash", "(tex ? 'back\\textbackslash{}slash' : 'back\\\\slash{}')"},
        {"tab\tand\x1b", "'tab and '"},
        {"café", "'café'"},
    };
    static const char *const bad[] = {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xef\xbf\xbf"};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        Text t = {0};
        plot_quote(&t, pairs[i][0]);
        assert_string_equal(text_string(&t), pairs[i][1]);
        text_free(&t);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        Text t = {0};
        plot_quote(&t, bad[i]);
        assert_non_null(strstr(text_string(&t), "'\xef\xbf\xbd")); /* U+FFFD for each byte */
        assert_null(strstr(text_string(&t), bad[i]));
        text_free(&t);
    }
}

/* The same picture as of a text that is not taken as enhanced. */
static void a_lone_backslash_is_drawn_once(void **state)
{
    size_t size, plain_size;
    Text body = {0};
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of("set title 'back\\slash' noenhanced\nplot [0:2] x notitle\n");
    draws(&f, "png");
    char *plain = read_file("a-figure.png", &plain_size);
    text_add(&body, "set title ");
    plot_quote(&body, "back\\slash");
    text_add(&body, "\nplot [0:2] x notitle\n");
    f.body = text_string(&body);
    draws(&f, "png");
    char *png = read_file("a-figure.png", &size);
    assert_int_equal(size, plain_size);
    assert_memory_equal(png, plain, size);
    mem_free(plain);
    mem_free(png);
    text_free(&body);
}

static void folders_with_odd_names_work(void **state)
{
    char odd[512], file[600];
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of(good_body);
    snprintf(odd, sizeof odd, "%s/new/it's `a` $(folder)", folder); /* made, with the one above it */
    f.folder = odd;
    draws(&f, "svg");
    snprintf(file, sizeof file, "%s/a-figure.svg", odd);
    assert_int_equal(access(file, F_OK), 0);
}

/* ---- failures: a clear error, the older figure unchanged ---- */

/* Draws a good figure, then one that fails: the old bytes must be unchanged. */
static void assert_old_figure_kept(const PlotFigure *f, const char *format, const char *file, Error *err)
{
    size_t size, after_size;
    PlotFigure good = figure_of(good_body);
    draws(&good, format);
    char *before = read_file(file, &size);
    assert_non_null(before);
    assert_int_equal(plot_render(f, format, err), -1);
    assert_int_equal(err->kind, ERR_FILE);
    char *after = read_file(file, &after_size);
    assert_non_null(after);
    assert_int_equal(after_size, size);
    assert_memory_equal(before, after, size);
    mem_free(before);
    mem_free(after);
    assert_no_partial_files();
}

static void gnuplots_message_is_in_the_error(void **state)
{
    Error err = ERROR_NONE;
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of("set title 'good'\nset flurble 3\nplot x\n");
    assert_old_figure_kept(&f, "png", "a-figure.png", &err);
    assert_non_null(strstr(err.found, "a-figure.gp"));
    assert_non_null(strstr(err.found, "line"));
    assert_non_null(strstr(err.found, "set flurble 3"));
    assert_non_null(strstr(err.where, "a-figure.gp"));
}

static void missing_data_is_an_error(void **state)
{
    Error err = ERROR_NONE;
    (void)state;
    need_gnuplot();
    /* gnuplot draws the rest and exits with 0 */
    PlotFigure f = figure_of("set xrange [0:1]\nset yrange [0:1]\nplot x, 'no-such-file' using 1:2\n");
    assert_old_figure_kept(&f, "svg", "a-figure.svg", &err);
    assert_non_null(strstr(err.found, "no-such-file"));
}

static void a_missing_output_file_is_an_error(void **state)
{
    Error err = ERROR_NONE;
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of("set title 'no plot'\n");
    static const char *const format[] = {"pdf", "png", "svg", "tex"};
    for (size_t i = 0; i < 4; i++) {
        char file[32];
        snprintf(file, sizeof file, "a-figure.%s", format[i]);
        assert_old_figure_kept(&f, format[i], file, &err);
    }
}

static void a_missing_gnuplot_has_an_install_hint(void **state)
{
    Error err = ERROR_NONE;
    char version[64];
    (void)state;
    PlotFigure f = figure_of(good_body);
    setenv("VAE_LAB_GNUPLOT", "/no/such/gnuplot", 1);
    assert_int_equal(plot_render(&f, "pdf", &err), -1);
    assert_int_equal(err.kind, ERR_FILE);
    assert_non_null(strstr(err.found, "/no/such/gnuplot"));
    assert_non_null(strstr(err.hint, "apt-get install"));
    assert_int_equal(plot_version(version, sizeof version), -1);
    unsetenv("VAE_LAB_GNUPLOT");
    char *path = mem_string(getenv("PATH"));
    setenv("PATH", folder, 1);
    Error again = ERROR_NONE;
    int status = plot_render(&f, "pdf", &again);
    setenv("PATH", path, 1);
    mem_free(path);
    assert_int_equal(status, -1);
    assert_non_null(strstr(again.hint, "apt-get install"));
    assert_no_partial_files();
}

/* Programs that are not gnuplot, or that fail. */
static void other_programs_are_refused(void **state)
{
    static const char *const scripts[] = {"#!/bin/sh\nexit 0\n", "#!/bin/sh\necho no >&2; exit 3\n",
                                          "#!/bin/sh\nkill -9 $$\n",
                                          "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' 'x' >&2; exit 1\n"};
    char name[512];
    (void)state;
    PlotFigure f = figure_of(good_body);
    snprintf(name, sizeof name, "%s/program", folder);
    setenv("VAE_LAB_GNUPLOT", name, 1);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        Error err = ERROR_NONE;
        FILE *file = fopen(name, "w");
        assert_non_null(file);
        fputs(scripts[i], file);
        fclose(file);
        chmod(name, 0700);
        assert_int_equal(plot_render(&f, "png", &err), -1);
        assert_int_equal(err.kind, ERR_FILE);
        assert_true(err.what[0] != '\0' && err.found[0] != '\0');
        assert_false(exists("a-figure.png"));
    }
    unsetenv("VAE_LAB_GNUPLOT");
}

static void unwritable_folder_is_an_error(void **state)
{
    Error err = ERROR_NONE;
    (void)state;
    PlotFigure f = figure_of(good_body);
    f.folder = "/dev/null/figures";
    assert_int_equal(plot_render(&f, "pdf", &err), -1);
    assert_non_null(strstr(err.where, "/dev/null"));
    if (geteuid() == 0) { /* root may write everywhere: only a folder that is a file fails */
        print_message("running as root: read-only folder not tried\n");
        return;
    }
    f.folder = folder;
    chmod(folder, 0500);
    assert_int_equal(plot_render(&f, "pdf", &err), -1);
    assert_non_null(strstr(err.hint, "--out"));
}

static void touch(const char *name, pid_t process)
{
    char path[512];
    snprintf(path, sizeof path, name, folder, (long)process);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

/* A process that was killed while it drew leaves a partial file; one that lives keeps its own. */
static void a_killed_process_leaves_nothing_behind(void **state)
{
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of(good_body);
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    touch("%s/a-figure.%ld.part.svg", gone);
    touch("%s/a-figure.%ld.part", gone);
    touch("%s/another.%ld.part.svg", gone);
    touch("%s/a-figure.%ld.part.png", getppid());
    draws(&f, "svg");
    char command[512];
    snprintf(command, sizeof command, "test \"$(ls '%s' | grep -c part)\" = 2", folder);
    assert_int_equal(system(command), 0);
}

/* A limit on file sizes replaces a full disk: writes stop in the middle, as with ENOSPC.  In a child process, since
 * the limit cannot be lifted. */
static void full_disk_is_an_error(void **state)
{
    static const char *const formats[] = {"pdf", "png", "svg", "tex"};
    (void)state;
    need_gnuplot();
    for (size_t i = 0; i < 4; i++) {
        char file[32];
        size_t size, after_size;
        PlotFigure f = figure_of(good_body);
        draws(&f, formats[i]);
        snprintf(file, sizeof file, "a-figure.%s", formats[i]);
        char *before = read_file(file, &size);
        assert_true(size > 2500); /* so that the limit cuts the figure, not the script */
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            Error err = ERROR_NONE;
            struct rlimit limit = {2300, 2300};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &limit);
            int status = plot_render(&f, formats[i], &err);
            int good = status == -1 && err.kind == ERR_FILE && err.found[0] != '\0' && strstr(err.hint, "full") != NULL;
            _exit(good ? 0 : 1);
        }
        int state_of_child = 0;
        assert_int_equal(waitpid(child, &state_of_child, 0), child);
        assert_true(WIFEXITED(state_of_child));
        assert_int_equal(WEXITSTATUS(state_of_child), 0);
        char *after = read_file(file, &after_size);
        assert_int_equal(after_size, size);
        assert_memory_equal(before, after, size);
        mem_free(before);
        mem_free(after);
        assert_no_partial_files();
    }
}

static void bad_requests_are_refused(void **state)
{
    static const char *const names[] = {"", "../up", "a/b", "a'b", "a b", ".hidden", "-e"};
    Error err = ERROR_NONE;
    (void)state;
    PlotFigure f = figure_of(good_body);
    assert_int_equal(plot_render(&f, "gif", &err), -1);
    assert_non_null(strstr(err.expected, "svg"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        f.name = names[i];
        assert_int_equal(plot_render(&f, "svg", &err), -1);
    }
    f = figure_of(good_body);
    f.width_cm = 0.0 / (f.height_cm - 4); /* not a number */
    assert_int_equal(plot_render(&f, "svg", &err), -1);
    f = figure_of(good_body);
    PlotBlock bad = {"a.b", "", 0, 0};
    f.blocks = &bad;
    f.nblocks = 1;
    assert_int_equal(plot_render(&f, "svg", &err), -1);
}

static void memory_failures_are_reported(void **state)
{
    (void)state;
    need_gnuplot();
    PlotFigure f = figure_of(good_body);
    int drawn = 0;
    for (long n = 1; n < 60 && !drawn; n++) {
        Error err = ERROR_NONE;
        mem_fail_after(n);
        int status = plot_render(&f, "tex", &err);
        mem_fail_after(0);
        drawn = status == 0;
        if (!drawn)
            assert_int_equal(err.kind, ERR_MEMORY);
        assert_no_partial_files();
    }
    assert_true(drawn);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(every_format_gives_the_same_bytes_twice),
        TEST(the_script_draws_the_figure_by_hand),
        TEST(tex_finds_its_graphic),
        TEST(image_pixels_are_exact),
        TEST(text_is_never_a_command),
        TEST(plain_text_is_unchanged),
        TEST(odd_characters_are_spelt),
        TEST(a_lone_backslash_is_drawn_once),
        TEST(folders_with_odd_names_work),
        TEST(gnuplots_message_is_in_the_error),
        TEST(missing_data_is_an_error),
        TEST(a_missing_output_file_is_an_error),
        TEST(a_missing_gnuplot_has_an_install_hint),
        TEST(other_programs_are_refused),
        TEST(unwritable_folder_is_an_error),
        TEST(a_killed_process_leaves_nothing_behind),
        TEST(full_disk_is_an_error),
        TEST(bad_requests_are_refused),
        TEST(memory_failures_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
