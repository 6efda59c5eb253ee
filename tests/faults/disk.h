/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/disk.h: an SQLite VFS that knows what a power cut may leave of each file.
 *
 * Every call goes through to SQLite's own unix VFS.  Beside it a shadow of each file holds the bytes that are safe, and
 * the writes since the file's last sync.  After a power cut each sector of a file holds its safe bytes, or those after
 * any of the later writes to it, whatever the other sectors hold: writes are lost, torn at sectors, and reordered.
 * What a file gained without a sync may be zeros or garbage.  A file is there once it was synced; a file that was
 * removed may be back until the folder is synced.  Not modelled: a sector that is itself torn, and a disk that lies about
 * syncs (except as a control: disk_lies).
 */
#ifndef FAULTS_DISK_H
#define FAULTS_DISK_H

#include <stdint.h>

/* What the disk keeps of the writes that were not synced. */
typedef enum { DISK_NOTHING, DISK_EVERYTHING, DISK_SECTORS_512, DISK_SECTORS_4096, DISK_KINDS } DiskKind;

/* Makes the VFS SQLite's default.  shared_memory 0: the VFS supports no write-ahead log.  cut: called before each write,
 * sync, truncation and removal reaches the disk, with that change among those that may be lost. */
void disk_start(int shared_memory, void (*cut)(void));
/* Makes SQLite's own VFS the default again (in a forked process that opens an image). */
void disk_stop(void);
/* A control: syncs are ignored, so that a harness that works finds losses. */
extern int disk_lies;

/* The calls so far at which the power may be cut. */
extern long disk_calls;

/* Writes all files as after a power cut now into a folder, under their names; the folder must be empty. */
void disk_image(const char *folder, DiskKind kind);

#endif
