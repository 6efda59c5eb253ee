#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A results.db made by somebody who means harm, or changed by hand.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
one='--set beta=1 --set seed=1 --set epochs=1 --quiet'
"$VAE_LAB" run tiny.lua $one >/dev/null 2>&1
sql "PRAGMA journal_mode = DELETE" >/dev/null
cp results.db whole.db

# ---- a trigger that deletes what was recorded
sql "CREATE TRIGGER wipe AFTER INSERT ON metric BEGIN DELETE FROM artifact; END"
cp results.db before.db
for c in "run tiny.lua $one --fresh" runs 'show 1' compare claims 'sql SELECT(1)' 'figures tiny.lua' 'run tiny.lua --dry-run'; do
    check "a trigger is refused: ${c%% *}" 4 'trigger wipe would act on what is recorded' 'no triggers' "DROP TRIGGER \"wipe\"" -- "$VAE_LAB" $c
done
cmp -s results.db before.db && [ "$(sql 'SELECT count(*) FROM artifact')" -gt 0 ] && ok "a file that is refused is not changed" || no "refused file" "changed"
sql 'DROP TRIGGER "wipe"'
check "without the trigger it is accepted" 0 '1 run executed' -- "$VAE_LAB" run tiny.lua --set beta=1 --set seed=1 --set epochs=1 --fresh

# ---- views
cp whole.db results.db
sql "CREATE VIEW forever AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT * FROM c;
    CREATE VIEW a AS SELECT * FROM b; CREATE VIEW b AS SELECT * FROM a; CREATE VIEW huge AS SELECT printf('%.*c', 2000000000, 'x') AS text;
    CREATE VIEW large AS SELECT length(hex(zeroblob(2000000000))) AS n; CREATE TABLE loose (a, b);
    CREATE VIEW deep AS SELECT json_extract('[' || replace(hex(zeroblob(50000)), '0', '[') || ']', '\$') AS j;
    INSERT INTO loose VALUES ('text', x'00ff'), (1e999, NULL), (char(27) || '[2J', 1)"
check "other views and tables are allowed" 0 '^ *1 .*done' -- "$VAE_LAB" runs
check "a view that refers to itself" 4 'circularly defined' -- "$VAE_LAB" sql 'SELECT * FROM a'
check "a value that is too large" 4 'too large|too big' -- "$VAE_LAB" sql 'SELECT * FROM large'
check "a view that calls what only trusted files may" 4 'unsafe use of json_extract' -- "$VAE_LAB" sql 'SELECT * FROM deep'
check "control characters do not reach the terminal" 0 'x1b' -- "$VAE_LAB" sql 'SELECT * FROM loose'
timeout --preserve-status -s INT 1 "$VAE_LAB" sql 'SELECT count(*) FROM forever' >out 2>&1
[ $? = 130 ] && ok "Ctrl-C ends a query that never ends" || no "Ctrl-C" "$(cat out)"
timeout --preserve-status -s INT 1 "$VAE_LAB" runs --where 'id IN (SELECT x FROM forever WHERE x < 0)' >out 2>&1
[ $? = 130 ] && ok "Ctrl-C ends a condition that never ends" || no "Ctrl-C" "$(cat out)"

# ---- names with control characters
cp whole.db results.db
sql "CREATE TRIGGER \"$(printf 'a\033[2Jb')\" AFTER INSERT ON metric BEGIN SELECT '$(printf '\033]0;x\007')'; END"
"$VAE_LAB" runs >out 2>&1
[ $? = 4 ] && ! grep -q "$(printf '[\033\007]')" out && ok "an error prints no control characters of a file" || no "control characters" "$(cat -v out)"
cp whole.db results.db
sql "UPDATE experiment SET question = '$(printf 'why\033[2J?')'"
"$VAE_LAB" show 1 >out 2>&1
[ $? = 0 ] && grep -q why out && ! grep -q "$(printf '\033')" out && ok "show prints no control characters of a file" || no "show: control characters" "$(head -5 out | cat -v)"

cp whole.db results.db
sql "UPDATE run SET seed = x'414243'"
check "show: a seed that is a blob" 0 '^seed +\(3 bytes\)$' -- "$VAE_LAB" show 1

# ---- a table of ours with other types
cp whole.db results.db
sql "CREATE TABLE m AS SELECT * FROM metric; DROP VIEW runs; DROP VIEW details; DROP VIEW curves; DROP VIEW summary; DROP VIEW last_values;
    DROP TABLE metric; ALTER TABLE m RENAME TO metric"
check "a table that was changed" 4 'table metric was changed' 'PRIMARY KEY|NOT NULL' 'restore a copy' -- "$VAE_LAB" runs

# ---- a query that has no room for its temporary files
cp whole.db results.db
long='WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 60000) SELECT count(*) FROM (SELECT hex(randomblob(100)) AS h FROM c ORDER BY h LIMIT 59000)'
(trap '' XFSZ; ulimit -f 100; "$VAE_LAB" sql "$long" >out 2>&1)
status=$?
[ $status = 4 ] && grep -q SQLITE_TMPDIR out && ok "a query without room for temporary files says so" || no "temporary files" "$status $(cat out)"
