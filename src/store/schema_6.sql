-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_6.sql: results.db, from version 5 to 6: sweeps that are shared by several tasks, and the time of evaluations.

-- part: "3/8", when this call of `vae-lab run` had only that part of the sweep's runs (--shard); else NULL.
ALTER TABLE sweep ADD COLUMN part TEXT;

-- seconds: wall-clock time that the evaluation took; NULL in records of earlier versions.
ALTER TABLE evaluation ADD COLUMN seconds REAL;
