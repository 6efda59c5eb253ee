/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/download.c: one file over http or https into its part file.
 *
 * Certificates are checked, at most five redirects are followed, and none from https to http.  The range is asked for
 * by a header of its own, not by libcurl's resume, which makes a server that ignores it an error: what the server
 * answers is seen before its first byte is written.
 */
#include "data/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REDIRECTS = 5, CONNECT_SECONDS = 20 };

typedef struct Transfer {
    const Download *download;
    CURL *curl;
    int file;
    uint64_t start;     /* bytes of the part file when it began, and the first byte that is asked for */
    uint64_t here;      /* bytes in the part file */
    uint64_t range;     /* first byte of the answer's Content-Range */
    int has_range, writing;
    int write_error;    /* errno; EFBIG: more bytes than allowed */
    char problem[CURL_ERROR_SIZE];
} Transfer;

/* ---- what libcurl calls ----------------------------------------------------------------------------------------- */

/* Each answer begins with its status line: a redirect's headers do not count. */
static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    static const char name[] = "content-range:";
    Transfer *t = context;
    char text[128];
    unsigned long long first;
    snprintf(text, sizeof text, "%.*s", (int)(count < sizeof text - 1 ? count : sizeof text - 1), line);
    if (strncasecmp(text, "http/", 5) == 0)
        t->has_range = 0;
    if (strncasecmp(text, name, sizeof name - 1) == 0 && sscanf(text + sizeof name - 1, " bytes %llu-", &first) == 1) {
        t->range = first;
        t->has_range = 1;
    }
    return size * count;
}

/* Before the first byte: goes on where the part file ends if the answer does, else starts again. */
static int begin_writing(Transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 206 || !t->has_range || t->range != t->start) {
        if (status == 206) /* the rest of another place: nothing of it can be used */
            return -1;
        t->start = 0;
        if (ftruncate(t->file, 0) != 0 || lseek(t->file, 0, SEEK_SET) < 0) {
            t->write_error = errno;
            return -1;
        }
    }
    t->here = t->start;
    t->writing = 1;
    return 0;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    Transfer *t = context;
    size_t all = size * count;
    if (!t->writing && begin_writing(t) != 0)
        return 0;
    if (all > t->download->most - t->here) {
        t->write_error = EFBIG;
        return 0;
    }
    for (size_t done = 0; done < all;) {
        ssize_t now = write(t->file, bytes + done, all - done);
        if (now < 0 && errno == EINTR)
            continue;
        if (now <= 0) {
            t->write_error = now < 0 ? errno : EIO;
            return 0;
        }
        done += (size_t)now;
    }
    t->here += all;
    return all;
}

static int take_progress(void *context, curl_off_t all, curl_off_t done, curl_off_t up_all, curl_off_t up_done)
{
    Transfer *t = context;
    (void)up_all;
    (void)up_done;
    (void)done;
    uint64_t total = all > 0 && t->writing ? t->start + (uint64_t)all : 0;
    const Download *d = t->download;
    return d->progress != NULL && d->progress(d->context, t->here, total) != 0;
}

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static DownloadResult local_error(const Download *d, int code, Error *err)
{
    error_set(err, ERR_FILE, "a fetched file cannot be written");
    error_where(err, "%s", d->part);
    error_found(err, "%s", strerror(code));
    if (code == ENOSPC || code == EDQUOT)
        error_hint(err, "the disk is full: free some space and fetch again; what is here is kept");
    else if (code == EACCES || code == EPERM || code == EROFS)
        error_hint(err, "choose a folder that you may write with --data-dir DIR");
    return DOWNLOAD_LOCAL;
}

static DownloadResult remote_error(const Transfer *t, CURLcode code, Error *err)
{
    const Download *d = t->download;
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    error_set(err, ERR_FILE, "a server did not deliver the file");
    error_where(err, "%s", d->url);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        error_found(err, "the server answered with status %ld%s", status,
                    status == 404 ? ": no such file" : status == 403 ? ": forbidden" : "");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        error_found(err, "no byte for %ld s, %llu bytes so far", d->stall > 0 ? d->stall : (long)DOWNLOAD_STALL,
                    (unsigned long long)t->here);
    else if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING)
        error_found(err, "the connection was cut after %llu bytes", (unsigned long long)t->here);
    else if (code == CURLE_WRITE_ERROR && t->write_error == EFBIG)
        error_found(err, "more than %llu bytes", (unsigned long long)d->most);
    else if (code == CURLE_WRITE_ERROR)
        error_found(err, "bytes of another place than asked for");
    else if (code == CURLE_TOO_MANY_REDIRECTS)
        error_found(err, "more than %d redirects", (int)REDIRECTS);
    else
        error_found(err, "%s%s", t->problem[0] != '\0' ? t->problem : curl_easy_strerror(code),
                    code == CURLE_PEER_FAILED_VERIFICATION ? " (are the certificates of the system installed and is the "
                                                             "clock right?)" : "");
    return DOWNLOAD_FAILED;
}

/* ---- a transfer ------------------------------------------------------------------------------------------------- */

static int is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static CURLcode set_options(Transfer *t, const char *range)
{
    const Download *d = t->download;
    long stall = d->stall > 0 ? d->stall : DOWNLOAD_STALL;
    CURLcode code = CURLE_OK;
#define SET(option, value) (code = code != CURLE_OK ? code : curl_easy_setopt(t->curl, option, value))
    SET(CURLOPT_URL, d->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, is_https(d->url) ? "https" : "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    SET(CURLOPT_REDIR_PROTOCOLS, (long)(is_https(d->url) ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)REDIRECTS);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, stall < CONNECT_SECONDS ? stall : (long)CONNECT_SECONDS);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, stall);
    SET(CURLOPT_USERAGENT, "vae-lab/" VAE_LAB_VERSION);
    SET(CURLOPT_RANGE, range);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, take_bytes);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_XFERINFOFUNCTION, take_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_ERRORBUFFER, t->problem);
#undef SET
    return code;
}

/* Fetches the rest after `start` bytes.  416: the server has no more bytes than these. */
static DownloadResult transfer(Transfer *t, Error *err)
{
    char range[32];
    long status = 0;
    snprintf(range, sizeof range, "%llu-", (unsigned long long)t->start);
    t->curl = curl_easy_init();
    CURLcode code = t->curl == NULL ? CURLE_OUT_OF_MEMORY : set_options(t, t->start > 0 ? range : NULL);
    if (code != CURLE_OK) {
        curl_easy_cleanup(t->curl);
        error_memory(err, "a transfer");
        return DOWNLOAD_LOCAL;
    }
    DownloadResult result = DOWNLOAD_DONE;
    code = curl_easy_perform(t->curl);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && !t->writing) /* an empty file */
        t->write_error = begin_writing(t) != 0 ? t->write_error : 0;
    if (code == CURLE_HTTP_RETURNED_ERROR && status == 416 && t->start > 0) {
        curl_easy_cleanup(t->curl);
        t->start = t->here = 0;
        t->writing = 0;
        return ftruncate(t->file, 0) == 0 && lseek(t->file, 0, SEEK_SET) == 0 ? transfer(t, err)
                                                                              : local_error(t->download, errno, err);
    }
    if (t->write_error != 0 && t->write_error != EFBIG)
        result = local_error(t->download, t->write_error, err);
    else if (code == CURLE_ABORTED_BY_CALLBACK) {
        result = DOWNLOAD_STOPPED;
        error_set(err, ERR_SIGNAL, "stopped");
    } else if (code != CURLE_OK)
        result = remote_error(t, code, err);
    curl_easy_cleanup(t->curl);
    return result;
}

static off_t part_size(int file)
{
    struct stat state;
    return fstat(file, &state) == 0 ? state.st_size : -1;
}

/* Opens the part file at its end, for this process alone. */
static int open_part(Transfer *t)
{
    t->file = open(t->download->part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (t->file < 0)
        return errno;
    if (flock(t->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return EBUSY;
    off_t size = part_size(t->file);
    if (size < 0)
        return errno;
    if ((uint64_t)size > t->download->most) {
        size = 0;
        if (ftruncate(t->file, 0) != 0)
            return errno;
    }
    t->start = t->here = (uint64_t)size;
    return lseek(t->file, (off_t)t->start, SEEK_SET) < 0 ? errno : 0;
}

DownloadResult download(const Download *d, uint64_t *resumed, Error *err)
{
    Transfer t = {.download = d, .file = -1};
    DownloadResult result;
    *resumed = 0;
    int code = open_part(&t);
    if (code == EBUSY) {
        error_set(err, ERR_FILE, "another process is fetching this file");
        error_where(err, "%s", d->part);
        result = DOWNLOAD_LOCAL;
    } else if (code != 0) {
        result = local_error(d, code, err);
    } else if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        error_memory(err, "libcurl");
        result = DOWNLOAD_LOCAL;
    } else {
        result = transfer(&t, err);
        curl_global_cleanup();
        *resumed = t.writing ? t.start : 0;
        if (result == DOWNLOAD_DONE && fsync(t.file) != 0)
            result = local_error(d, errno, err);
    }
    if (result != DOWNLOAD_DONE && code == 0 && part_size(t.file) == 0)
        unlink(d->part);
    if (t.file >= 0)
        close(t.file);
    return result;
}
