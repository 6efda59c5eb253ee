-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_4.sql: results.db, from version 3 to 4: an evaluation and its options are rows; field terms replace private
-- names.

-- ---- tables ----------------------------------------------------------------------------------------------------------

-- One row an evaluation that is recorded for a run (lab.eval.NAME).  Its numbers are metrics at step 0.
CREATE TABLE evaluation (
    run  INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- The options it was computed with: a number, a text ('true' and 'false' too), or a list as a JSON array ('[1,5,50]').
CREATE TABLE evaluation_option (
    run        INTEGER NOT NULL,
    evaluation TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      ANY,
    PRIMARY KEY (run, evaluation, name),
    FOREIGN KEY (run, evaluation) REFERENCES evaluation (run, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Up to version 3 an evaluation was an artifact "evaluation/NAME" that held a text, "bounds(draws={1, 5, 50},
-- examples=500)".
INSERT INTO evaluation (run, name) SELECT run, substr(name, 12) FROM artifact WHERE kind = 'evaluation' AND name GLOB 'evaluation/?*';

-- Each step splits `rest`, "draws={1, 5, 50}, examples=500, ", at the end of its first option: at "}, " of a list, else
-- at ", ".
WITH RECURSIVE
option (run, evaluation, text, rest) AS (
    SELECT run, substr(name, 12), NULL, substr(bytes, instr(bytes, '(') + 1, length(bytes) - instr(bytes, '(') - 1) || ', '
    FROM (SELECT run, name, CAST(bytes AS TEXT) AS bytes FROM artifact WHERE kind = 'evaluation' AND name GLOB 'evaluation/?*')
    UNION ALL
    SELECT run, evaluation,
        substr(rest, 1, iif(substr(rest, instr(rest, '=') + 1, 1) = '{', instr(rest, '}, '), instr(rest, ', ') - 1)),
        substr(rest, iif(substr(rest, instr(rest, '=') + 1, 1) = '{', instr(rest, '}, ') + 3, instr(rest, ', ') + 2))
    FROM option WHERE rest GLOB '*=*, '),
-- One row an element of a list, numbered from 0; a value that is no list has the key NULL.
element (run, evaluation, name, key, text) AS (
    SELECT run, evaluation, substr(text, 1, instr(text, '=') - 1), NULL, replace(substr(text, instr(text, '=') + 1), '{}', '[]')
    FROM option WHERE text NOT GLOB '*={?*}'
    UNION ALL
    SELECT run, evaluation, substr(text, 1, instr(text, '=') - 1), j.key, j.value
    FROM option, json_each('["' || replace(substr(text, instr(text, '{') + 1, length(text) - instr(text, '{') - 1), ', ', '","') || '"]') j
    WHERE text GLOB '*={?*}'),
value (run, evaluation, name, key, value) AS (
    SELECT run, evaluation, name, key, iif(text GLOB '[-0-9]*' AND text NOT GLOB '*[^-+.0-9e]*', CAST(text AS NUMERIC), text)
    FROM element)
INSERT INTO evaluation_option (run, evaluation, name, value)
SELECT run, evaluation, name, iif(key IS NULL, value, json_group_array(value))
FROM (SELECT * FROM value ORDER BY run, evaluation, name, key) GROUP BY run, evaluation, name;

DELETE FROM artifact WHERE kind = 'evaluation' AND name GLOB 'evaluation/?*';

-- ---- names -----------------------------------------------------------------------------------------------------------
-- A run that was evaluated under the older name of an evaluation or of its option counts as evaluated.

INSERT INTO evaluation (run, name) SELECT run, 'elbo_decomposition' FROM evaluation WHERE name = 'accounting';
UPDATE evaluation_option SET evaluation = 'elbo_decomposition' WHERE evaluation = 'accounting';
DELETE FROM evaluation WHERE name = 'accounting';
UPDATE evaluation_option SET name = 'metrics' WHERE evaluation IN ('bounds', 'extremes') AND name = 'of';
UPDATE evaluation_option SET name = 'parameters' WHERE evaluation = 'gradients' AND name = 'of';
UPDATE evaluation_option SET name = 'threshold' WHERE evaluation IN ('accuracy', 'clarity') AND name = 'sure';
UPDATE evaluation_option SET name = 'warm_up' WHERE evaluation = 'marginal' AND name = 'burn';

-- Binarisation at every access is "dynamic", no longer "fresh".
UPDATE param SET value = 'dynamic' WHERE name = 'binarise' AND value = 'fresh';
UPDATE setting SET value = 'dynamic' WHERE name = 'binarise' AND value = 'fresh';
UPDATE run SET data = replace(data, 'fresh binarisation', 'dynamic binarisation');
UPDATE sweep SET settings = replace(settings, '"binarise":"fresh"', '"binarise":"dynamic"');
UPDATE claim SET quantity = replace(quantity, 'binarise=fresh', 'binarise=dynamic');
