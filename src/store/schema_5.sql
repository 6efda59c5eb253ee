-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_5.sql: results.db, from version 4 to 5: leases on runs, failed evaluations, and where a run comes from.

-- ---- leases ----------------------------------------------------------------------------------------------------------
-- The process that holds a run is host, boot, pid_namespace, process and process_start.  heartbeat: the time of its last
-- sign of life, in seconds since 1970.  lease: how often the run was taken or released; a writer that holds an older
-- number has lost the run and stops.

ALTER TABLE run ADD COLUMN pid_namespace INTEGER;
ALTER TABLE run ADD COLUMN heartbeat INTEGER;
ALTER TABLE run ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;

-- ---- evaluations -----------------------------------------------------------------------------------------------------
-- A failed evaluation is recorded with its message; the run stays done, since its training is, and the next
-- `vae-lab run` tries the evaluation again.

ALTER TABLE evaluation ADD COLUMN status TEXT NOT NULL DEFAULT 'done' CHECK (status IN ('done', 'failed'));
ALTER TABLE evaluation ADD COLUMN message TEXT;

-- ---- provenance ------------------------------------------------------------------------------------------------------
-- data_options: JSON, the name and the options that open the run's data set again; NULL in runs of earlier versions.
-- imported: for weights that were not trained here, the file that they come from and its SHA-256; else NULL.

ALTER TABLE run ADD COLUMN data_options TEXT;
ALTER TABLE run ADD COLUMN imported TEXT;

-- Texts that runs were made from, each kept once.  digest: SHA-256 of bytes.
CREATE TABLE source (
    id     INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    bytes  BLOB NOT NULL
) STRICT;

-- The texts of a run: its script, the files that the script requires, and the difference of their folder to its git
-- commit.  path: as the script names it.
CREATE TABLE run_source (
    run    INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    role   TEXT NOT NULL CHECK (role IN ('script', 'module', 'difference')),
    path   TEXT NOT NULL,
    source INTEGER NOT NULL REFERENCES source (id),
    PRIMARY KEY (run, role, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_source_source ON run_source (source);
