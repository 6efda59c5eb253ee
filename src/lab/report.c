/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/report.c: sends a worker's reports.
 */
#include "lab/report.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

double lab_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

LabReport lab_report_none(size_t run)
{
    return (LabReport){.run = run, .elbo = NAN, .reconstruction = NAN, .kl = NAN};
}

void lab_report(LabReporter *r, int now)
{
    double time = lab_clock();
    struct pollfd room = {.fd = r->fd, .events = POLLOUT};
    /* a sweep that is stopped (kill -STOP) reads nothing: its workers do not wait for it with what may be left out */
    if (r->fd < 0 || (!now && (time - r->sent < 0.1 || poll(&room, 1, 0) == 0)))
        return;
    r->sent = time;
    /* a write that fails is ignored: the sweep may be gone, and the run continues without it */
    while (write(r->fd, &r->last, sizeof r->last) < 0 && errno == EINTR)
        ;
}
