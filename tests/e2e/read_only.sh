#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A database on a medium that cannot be written: read commands work or say why not; write commands refuse and lose nothing.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
one='--set beta=1 --set seed=1 --set epochs=1'
mkdir closed journal live hot
"$VAE_LAB" run tiny.lua $one --quiet --db closed/results.db >/dev/null 2>&1
cp closed/results.db journal/results.db
sqlite3 journal/results.db 'PRAGMA journal_mode = DELETE' >/dev/null

# live: a write-ahead log beside the file, as a killed process leaves it
cp closed/results.db live/results.db
sqlite3 live/results.db ".output /dev/null" "PRAGMA wal_autocheckpoint = 0" "INSERT INTO metric_name (name) VALUES ('left/in_the_log')" \
    ".shell cp live/results.db live/copy; cp live/results.db-wal live/log"
mv live/copy live/results.db && mv live/log live/results.db-wal
rm -f live/results.db-shm
# hot: a rollback journal beside it, as a power cut leaves it
cp journal/results.db hot/results.db
sqlite3 hot/results.db ".output /dev/null" "PRAGMA cache_size = 1" "PRAGMA cache_spill = 1" BEGIN \
    "CREATE TABLE bulk AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3000) SELECT x, hex(randomblob(100)) AS h FROM c" \
    "UPDATE run SET label = 'half'" ".shell cp hot/results.db hot/copy; cp hot/results.db-journal hot/undo"
mv hot/copy hot/results.db && mv hot/undo hot/results.db-journal

cp -r closed journal live hot "$scratch/" 2>/dev/null
mkdir before && cp -r closed journal live hot before/
cat >on_medium <<'END'
#!/bin/sh
# on_medium FOLDER COMMAND...: the command in a mount namespace where the folder is read-only
folder=$1; shift
mount --bind "$folder" "$folder" && mount -o remount,bind,ro "$folder" || exit 77
exec "$@"
END
chmod +x on_medium
unshare -rm ./on_medium closed true 2>/dev/null
[ $? = 0 ] || { skip "read-only media" "no mount namespace here"; exit 0; }
medium() { unshare -rm ./on_medium "$@"; }

for kind in closed journal; do
    for c in runs 'show 1' compare claims 'sql SELECT(count(*))FROM(run)' "run tiny.lua $one --dry-run" doctor; do
        check "read-only, $kind: ${c%% *}" 0 -- medium $kind "$VAE_LAB" $c --db $kind/results.db
    done
    check "read-only, $kind: a figure" 0 'curves' -- medium $kind "$VAE_LAB" figures tiny.lua $one --db $kind/results.db --out drawn_$kind --format svg
    for c in "run tiny.lua $one" "run tiny.lua $one --fresh" "run tiny.lua --set beta=0 --set seed=1"; do
        check "read-only, $kind: $c is refused" 4 'cannot be written' 'results|closed|journal' -- medium $kind "$VAE_LAB" $c --quiet --db $kind/results.db
    done
done
check "read-only with a log beside: the reader says why" 4 'cannot be read from a folder that cannot be written' 'results.db-wal' 'copy both files' -- \
    medium live "$VAE_LAB" runs --db live/results.db
check "read-only with a log beside: a writer is refused" 4 'cannot be written' -- medium live "$VAE_LAB" run tiny.lua $one --quiet --db live/results.db
check "read-only with a journal beside: the reader says why" 4 'cannot be read from a folder that cannot be written' 'results.db-journal' -- medium hot "$VAE_LAB" runs --db hot/results.db
check "read-only with a journal beside: a writer is refused" 4 'cannot be written' -- medium hot "$VAE_LAB" run tiny.lua $one --quiet --db hot/results.db
changed=$(diff -r closed before/closed; diff -r journal before/journal; diff -r live before/live; diff -r hot before/hot)
[ -z "$changed" ] && ok "read-only: no file changed" || no "read-only: files" "$changed"

# ---- writable again: nothing is lost
[ "$("$VAE_LAB" sql --csv "SELECT count(*) FROM metric_name WHERE name = 'left/in_the_log'" --db live/results.db | tail -1)" = 1 ] &&
    ok "a copy with its log has what was committed" || no "log" "lost"
check "a copy with its journal is rolled back" 0 'beta=1' -- "$VAE_LAB" runs --db hot/results.db
[ "$(sqlite3 hot/results.db 'PRAGMA integrity_check')" = ok ] && ok "it is whole" || no "journal" "damaged"
