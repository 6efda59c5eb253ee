#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where a run comes from: the texts of script and modules, the git commit and the difference to it, machine and program; git is asked
# without running anything that a repository names.
. "$(dirname "$0")/common.sh.inc"

mkdir work
cat >work/small.lua <<'LUA'
local lab = require "vae_lab"
local width = require "width"
return lab.experiment {
  name  = "small", question = "Can it be proven?", data = { "digits", train = 200, test = 100 }, sweep = { beta = { 0, 1 } },
  model = function (run, x)
    local q  = lab.mlp { x, width, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, width, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - run.beta * q:kl(), q = q, p = px, z = z }
  end,
  train = { epochs = 3, batch = 50, optimiser = lab.adam { rate = 1e-3 } },
}
LUA
echo 'return 8' >work/width.lua
run() { "$VAE_LAB" run work/small.lua --quiet "$@" >/dev/null 2>"$scratch/err" || cat "$scratch/err"; }
of() { sql "SELECT value FROM environment WHERE run = $1 AND name = '$2'"; }

# a git that is slow must not stop a run; it runs beside the other tests
mkdir slow
printf '#!/bin/sh\nsleep 60\n' >slow/git
chmod +x slow/git
(
    start=$(date +%s)
    PATH=$scratch/slow:$PATH "$VAE_LAB" run work/small.lua --db slow.db --quiet >/dev/null 2>&1
    echo "$? $(($(date +%s) - start))" >slow.result
) &

# ---- texts
run
[ "$(sql "SELECT status || count(*) FROM run")" = done2 ] && ok "the runs are done" || no "the runs" "$(sql 'SELECT * FROM run')"
"$VAE_LAB" show 1 --source | cmp -s - work/small.lua && ok "the script's text is recorded" || no "the script's text" "it differs"
"$VAE_LAB" show 2 --source width.lua | cmp -s - work/width.lua && ok "a module's text is recorded" || no "a module's text" "it differs"
[ "$(sql 'SELECT count(*) FROM source')" = 2 ] && ok "each text is kept once" || no "texts" "$(sql 'SELECT count(*) FROM source')"
[ "$(sql "SELECT digest FROM source JOIN run_source ON source = id WHERE run = 1 AND role = 'script'")" = "$(sha256sum <work/small.lua | cut -d' ' -f1)" ] &&
    ok "its digest is SHA-256" || no "digest of a text" "$(sql 'SELECT digest FROM source')"
check "show lists the texts" 0 'script +work/small.lua +[0-9]+' 'module +work/width.lua +9' 'gsl +[0-9]' 'zlib +1' 'sqlite +3' 'lua +Lua 5' 'libc +' 'flags +.*-ffp-contract=off' 'compiler +' 'library +[0-9a-f]{12}' '^data options +\{"binarise":"dynamic","name":"digits","test":100,"train":200,"valid":0\}' -- "$VAE_LAB" show 1
check "show --json has the texts" 0 '"sources": \[\["script", "work/small.lua", [0-9]+, "[0-9a-f]{64}"\], \["module", "work/width.lua", 9,' -- "$VAE_LAB" show 1 --json
check "show --source: no such text" 4 'no recorded text of that path' 'found +nothing.lua' -- "$VAE_LAB" show 1 --source nothing.lua
check "show takes one run" 2 'too many arguments' -- "$VAE_LAB" show 1 width.lua
[ -z "$(of 1 'git commit')$(of 1 'git changes')" ] && ok "no repository: no commit" || no "no repository" "$(of 1 'git commit')"
printf '#!/usr/bin/env lua\n' | cat - work/small.lua >work/first_line.lua
check "a script may begin with #!" 0 'beta=1' -- "$VAE_LAB" run work/first_line.lua --dry-run
check "a syntax error names its line" 3 'first_line.lua:4|bad.lua:2' -- sh -c "printf '#!x\nlocal = 3\n' >work/bad.lua; '$VAE_LAB' run work/bad.lua"

# ---- options of the data set are filled in where an earlier version did not record them
sql "UPDATE run SET data_options = NULL"
run
[ "$(sql "SELECT count(*) FROM run WHERE data_options LIKE '%\"train\":200%'")" = 2 ] &&
    ok "missing data options are filled in without training" || no "data options" "$(sql 'SELECT data_options FROM run')"

# ---- git
if command -v git >/dev/null; then
    export GIT_CONFIG_GLOBAL=/dev/null
    as() { git -C work -c user.name=a -c user.email=a@example.org "$@"; }
    as init -q && as add small.lua width.lua && as commit -qm first
    commit=$(as rev-parse HEAD)
    run --fresh
    [ "$(of 3 'git commit') $(of 3 'git changes')" = "$commit no" ] && ok "the commit of the script's folder" || no "the commit" "$(of 3 'git commit') $(of 3 'git changes')"
    echo '-- wider' >>work/width.lua
    printf 'a\0b' >work/binary && as add binary && as commit -qm second && printf 'a\0c\0secret' >work/binary
    run --fresh
    "$VAE_LAB" show 5 --source "$(of 5 'git commit')" >difference
    grep -q '^+-- wider' difference && [ "$(of 5 'git changes')" = yes ] && ok "the difference to the commit" || no "the difference" "$(of 5 'git changes') $(cat difference)"
    ! grep -q secret difference && ok "binary files are left out" || no "binary files" "their bytes are in the difference"
    head -c 3000000 /dev/zero | tr '\0' 'x' | fold -w 99 >work/long.txt && as add long.txt
    run --fresh
    size=$(sql "SELECT length(bytes) FROM source JOIN run_source ON source = id WHERE run = 7 AND role = 'difference'")
    "$VAE_LAB" show 7 --source "$(of 7 'git commit')" | tail -1 | grep -q 'cut here' && [ "$size" -gt 1000000 ] && [ "$size" -lt 1100000 ] &&
        ok "a long difference is cut" || no "a long difference" "$size bytes"
    as rm -qf --cached long.txt small.lua && as commit -qm third && as checkout -q -- . && rm work/long.txt
    run --fresh
    [ "$(of 9 'git changes')" = "yes: the script is not in the commit" ] && ok "a script that is not in the commit" || no "untracked" "$(of 9 'git changes')"

    # a repository that names programs: none may run
    printf '#!/bin/sh\necho "$0" >>"%s/ran"; cat\n' "$scratch" >evil && chmod +x evil
    for key in core.fsmonitor core.pager diff.external core.sshCommand diff.x.textconv diff.x.command pager.status pager.diff; do as config $key "$scratch/evil"; done
    mkdir -p hooks && cp evil hooks/post-index-change && as config core.hooksPath "$scratch/hooks"
    echo '*.lua diff=x' >work/.gitattributes
    as -c core.fsmonitor=false -c core.hooksPath=/dev/null add small.lua && echo '-- again' >>work/width.lua
    rm -f ran
    run --fresh
    [ ! -e ran ] && [ "$(of 11 'git changes')" = yes ] && ok "git runs no hook, pager, monitor or external diff" || no "hostile repository" "$(of 11 'git changes') $(cat ran)"
    as config filter.f.clean "$scratch/evil" && echo '*.lua filter=f' >>work/.gitattributes
    touch work/width.lua
    run --fresh
    [ ! -e ran ] && case $(of 13 'git changes') in unknown*filter) true ;; *) false ;; esac && [ -n "$(of 13 'git commit')" ] &&
        ok "git runs no filter of the repository" || no "a filter" "$(of 13 'git changes') $(cat ran)"
    rm -rf work/.git work/.gitattributes
else
    skip "git" "it is not installed"
fi

mkdir none
PATH=$scratch/none run --fresh
[ "$(sql 'SELECT status FROM run ORDER BY id DESC LIMIT 1')" = done ] && ok "without git a run is recorded all the same" || no "without git" "$(cat err)"
wait
read -r status seconds <slow.result
[ "$status" = 0 ] && [ "$seconds" -lt 8 ] && ok "a slow git is stopped" || no "a slow git" "status $status after $seconds s"

# ---- compare
check "compare: machine, program and texts that differ" 0 '^machine, program and texts that differ' '^script +[0-9a-f]{12} ' -- sh -c \
    "echo '-- changed' >>work/small.lua; '$VAE_LAB' run work/small.lua --set beta=3 --quiet >/dev/null; '$VAE_LAB' compare small/beta=1 small/beta=3"

# ---- reproduce: from the database alone, in another folder
export VAE_LAB_DB=$scratch/again.db
cp work/small.lua work/width.lua . && mkdir elsewhere tmp && export TMPDIR=$scratch/tmp
"$VAE_LAB" run small.lua --quiet --set seed=1,18446744073709551615 >/dev/null 2>&1 || "$VAE_LAB" run small.lua --quiet --set seed=1,2 >/dev/null
"$VAE_LAB" run small.lua --quiet --set rate=1e30 --set seed=3 --set beta=1 >/dev/null 2>&1 # run 5: it diverges
"$VAE_LAB" run small.lua --quiet --set epochs=5 --set seed=4 --set beta=1 --set rng=taus2 >/dev/null # run 6
rm small.lua width.lua
again() { (cd elsewhere && "$VAE_LAB" reproduce "$@"); }
edit() { cp "$VAE_LAB_DB" edited.db; sqlite3 edited.db "$1"; }
cp "$VAE_LAB_DB" before.db
check "reproduce: two runs" 0 'run 1 \(small, beta=0, seed 1\): reproduced to the bit: 27 values of 3 epochs, digest [0-9a-f]{12}$' '^run 4 .*reproduced' 'recorded on .*repeated on' 'evaluations need the script' -- again 1 4
cmp -s "$VAE_LAB_DB" before.db && ok "reproduce writes nothing to the database" || no "reproduce" "the database was changed"
[ -z "$(ls tmp)" ] && ok "reproduce leaves no file" || no "temporary files" "$(ls tmp)"
check "reproduce: a run twice, jobs and threads" 0 'reproduced' -- again 1 1 2 --jobs 2 --threads 3
check "reproduce: a run that diverged" 0 'diverged at the same place' -- again 5 --quiet
check "reproduce: another generator" 0 'reproduced' -- again 6
check "reproduce --json" 0 '"run": 1,' '"verdict": "reproduced"' '"recorded_digest": "[0-9a-f]{64}"' -- again 1 --json --quiet
check "reproduce: no such run" 4 'there is no run 99' -- again 99
check "reproduce: no run named" 2 'missing' -- again
edit "UPDATE metric SET value = value * (1 + 3e-16) WHERE run = 1 AND step = 2 AND metric = (SELECT id FROM metric_name WHERE name = 'train/kl')"
check "reproduce: the first epoch and metric that differ" 1 'NOT reproduced: train/kl differs in epoch 2' 'recorded +[0-9.]+$' 'repeated +[0-9.]+$' '1 of 2 runs was not reproduced' -- again 1 2 --db ../edited.db
edit "UPDATE metric SET value = value + 1 WHERE run = 1 AND step = 3; UPDATE metric SET value = NULL, kind = 'nan' WHERE run = 1 AND step = 2 AND metric = (SELECT id FROM metric_name WHERE name = 'test/elbo')"
check "reproduce: the earliest difference comes first" 1 'test/elbo differs in epoch 2' 'recorded +nan' -- again 1 --db ../edited.db
edit "UPDATE run SET digest = '00' WHERE id = 1"
check "reproduce: only the digest differs" 1 'all 27 values agree, but the digest' 'recorded +00$' -- again 1 --db ../edited.db
edit "UPDATE run SET data_options = replace(data_options, '200', '199') WHERE id = 1"
check "reproduce: the data differ, before any training" 1 'NOT trained: the data set digits' -- again 1 --db ../edited.db
edit "UPDATE run SET plan = replace(plan, '\"epochs\":3', '\"epochs\":4') WHERE id = 1; UPDATE run SET graph = replace(graph, 'tanh', 'relu') WHERE id = 2"
check "reproduce: the identity differs, before any training" 1 'run 1 .*NOT trained: .*another identity' 'run 2 .*NOT trained' '2 of 2 runs were not' -- again 1 2 --db ../edited.db
edit "UPDATE run SET plan = replace(plan, '\"epochs\":3', '\"epochs\":-3') WHERE id = 1; UPDATE run SET data_options = '{' WHERE id = 2; UPDATE run SET data_options = NULL WHERE id = 3;
    UPDATE run SET graph = replace(graph, 'dense', 'dance') WHERE id = 4; UPDATE run SET message = 'not finite in epoch 2, minibatch 1 of 4: first in %3' WHERE id = 5; UPDATE run SET imported = 'w.npz' WHERE id = 6"
check "reproduce: a damaged plan" 4 'plan is damaged' 'where +run 1, ' -- again 1 --db ../edited.db
check "reproduce: damaged data options" 4 'options of a data set are not JSON' -- again 2 --db ../edited.db
check "reproduce: no data options" 4 'an earlier version trained it' 'vae-lab run small.lua' -- again 3 --db ../edited.db
check "reproduce: a damaged graph" 4 'dance' -- again 4 --db ../edited.db
check "reproduce: it diverged elsewhere" 1 'ended in another way' 'recorded +diverged: not finite in epoch 2' -- again 5 --db ../edited.db
check "reproduce: imported weights" 4 'were imported' -- again 6 --db ../edited.db
edit "UPDATE run SET status = 'interrupted', digest = NULL WHERE id = 6; DELETE FROM metric WHERE run = 6 AND step > 2"
check "reproduce: the recorded epochs of an unfinished run" 0 'reproduced to the bit: 18 values of 2 epochs$' -- again 6 --db ../edited.db
edit "UPDATE run SET status = 'queued', digest = NULL WHERE id = 6; DELETE FROM metric WHERE run = 6"
check "reproduce: nothing recorded yet" 4 'nothing is recorded of it' -- again 6 --db ../edited.db
"$VAE_LAB" run work/small.lua --db long.db --quiet --set epochs=900000 --set beta=1 >/dev/null 2>&1 &
pid=$!
epochs_made() { [ "$(sqlite3 long.db 'SELECT count(*) > 9 FROM metric' 2>/dev/null)" = 1 ]; }
until_true epochs_made
kill -INT $pid; wait $pid
sqlite3 long.db "UPDATE metric SET step = 800000 WHERE step = 1 AND metric = 1" # so many epochs are to be repeated
"$VAE_LAB" reproduce 1 --db long.db --quiet 2>err &
pid=$!
copy_made() { [ -n "$(ls tmp/*/*.db 2>/dev/null)" ]; }
until_true copy_made
sleep 0.3; kill -INT $pid; wait $pid
status=$?
[ $status = 130 ] && [ -z "$(ls tmp)" ] && grep -q 'nothing is compared' err && ok "reproduce: Ctrl-C leaves nothing" || no "Ctrl-C" "status $status, $(ls tmp) $(cat err)"
mkfifo pipe
edit "UPDATE run SET data_options = replace(data_options, 'digits', 'idx:$scratch/pipe') WHERE id = 1"
check "reproduce: a pipe as the data set of a hostile database" 4 'options of a data set are damaged' 'regular files' -- timeout 600 "$VAE_LAB" reproduce 1 --db edited.db

# ---- receipt, verify
export VAE_LAB_DB=$scratch/paper.db
mkdir paper && cp work/small.lua paper/ && echo 'return 8' >paper/width.lua
{ printf '\0\0\10\3\0\0\3\40\0\0\0\4\0\0\0\4'; head -c 12800 /dev/urandom; } >images
"$VAE_LAB" run paper/small.lua --quiet --set epochs=2 --set seed=5 >/dev/null                       # runs 1, 2
"$VAE_LAB" run paper/small.lua --quiet --set data=idx:images --set seed=5 >/dev/null # runs 3, 4
check "receipt" 0 '^vae-lab receipt 1$' '^experiment: small$' '^label: beta=1$' '^script: small.lua$' '^script sha256: [0-9a-f]{64}$' '^module: width.lua [0-9a-f]{64}$' '^settings: \{"epochs":"2","seed":"5"\}$' \
    '^generator: philox4x32$' '^arithmetic: 1$' '^epochs: 2$' '^test elbo: -[0-9.]+$' '^checksum: [0-9a-f]{8}$' -- "$VAE_LAB" receipt 2
"$VAE_LAB" receipt 2 -o paper/r2 && cmp -s paper/r2 out && ok "receipt -o" || no "receipt -o" "$(cat paper/r2)"
[ "$(grep '^weights' paper/r2)" = "weights sha256: $(sql 'SELECT digest FROM run WHERE id = 2')" ] && ok "receipt: the digest" || no "receipt" "$(cat paper/r2)"
"$VAE_LAB" receipt 4 -o paper/r4
for r in r2 r4; do check "verify $r: yes" 0 '^yes: small, beta=1, seed 5, trained here again from the script' 'weights +[0-9a-f]{64}' -- "$VAE_LAB" verify paper/$r; done
check "verify from the database" 0 '^yes: .*from the database' -- "$VAE_LAB" verify paper/r2 --db paper.db --quiet
sed 's/$/ \r/; s/^seed/\n\nseed/' paper/r2 >paper/printed
check "verify: line ends, blanks and empty lines of a page do not count" 0 '^yes' -- "$VAE_LAB" verify paper/printed --quiet
[ -z "$(ls tmp)" ] && ok "verify leaves no file" || no "temporary files" "$(ls tmp)"
# forge SED: the receipt changed, with a new checksum
forge() { sed "$1" paper/r2 | grep -v '^checksum' >paper/forged; echo "checksum: $(sha256sum <paper/forged | cut -c1-8)" >>paper/forged; }
says_no() { name=$1 what=$2; shift 2; check "verify: $name: no" 1 "^no: $what" 'receipt +' 'found +' -- "$VAE_LAB" verify "$@" --quiet; }
forge 's/^test elbo: -/test elbo: -1/'; says_no "a forged ELBO" "the test ELBO differs" paper/forged
says_no "a forged ELBO, database" "the test ELBO differs" paper/forged --db paper.db
forge 's/^weights sha256: ../weights sha256: 00/'; says_no "forged weights" "the weights differ" paper/forged
forge 's/^experiment: small/experiment: large/'; says_no "another name" "'experiment' differs" paper/forged
forge 's/^epochs: 2/epochs: 3/'; says_no "other epochs" "'epochs' differs" paper/forged
forge 's/^settings: .*/settings: {"epochs":"3","seed":"5"}/'; says_no "other settings" "the training plan differs" paper/forged
forge 's/^settings: .*/settings: {"epochs":"2","seed":"6"}/'; says_no "another seed" "the script has no run of that label and seed" paper/forged
forge 's/^arithmetic: 1/arithmetic: 2/'; says_no "another arithmetic" "this program computes another arithmetic version" paper/forged
forge 's/^identity: ..../identity: 0000/'; says_no "another identity" "the identity differs" paper/forged
forge 's/^script sha256: .*/script sha256: not recorded/; /^module/d'
check "verify: a script that was not recorded" 0 '^yes' -- "$VAE_LAB" verify paper/forged --quiet
forge 's/^settings: .*/settings: [1]/'; check "verify: settings that are none" 5 'not a JSON object of texts' -- "$VAE_LAB" verify paper/forged
sed 's/^epochs: 2/epochs: 3/' paper/r2 >paper/changed
check "verify: a changed receipt" 5 'checksum does not fit' 'changed, line 21' 'expected +checksum: ' -- "$VAE_LAB" verify paper/changed
whole=1
for n in 0 1 2 5 9 19 20; do
    head -n $n paper/r2 >paper/cut
    "$VAE_LAB" verify paper/cut >out 2>&1
    [ $? = 5 ] && grep -q "cut, line $((n + 1))" out && grep -q 'found .*the end of the file' out || whole="$n $(cat out)"
done
[ "$whole" = 1 ] && ok "verify: a receipt that is cut, with the line" || no "a receipt that is cut" "$whole"
sed 's/^seed: /sead: /' paper/r2 >paper/changed
check "verify: a misspelt line" 5 'not a complete receipt' 'changed, line 8' 'found +sead: 5' 'expected +seed: ' -- "$VAE_LAB" verify paper/changed
sed 's/^graph sha256: ./graph sha256: x/' paper/r2 >paper/changed
check "verify: a digest that is none" 5 'expected +graph sha256: 64 hexadecimal digits' -- "$VAE_LAB" verify paper/changed
printf 's/^label: /label: \033[2J/' >sed && sed -f sed paper/r2 >paper/changed
check "verify: control characters" 5 'not a complete receipt' 'changed, line 3' -- "$VAE_LAB" verify paper/changed
check "verify: a pipe without an end" 5 'too large' 'at most 1 MiB' -- sh -c 'cat /dev/zero | "$0" verify /dev/stdin' "$VAE_LAB"
head -c 2000000 /dev/zero >paper/large
check "verify: a large file" 5 'too large' 'paper/large' -- "$VAE_LAB" verify paper/large
check "verify: a device" 5 'neither a file nor a pipe' -- "$VAE_LAB" verify /dev/null
check "verify: no receipt" 5 'not a complete receipt' 'line 1' -- "$VAE_LAB" verify paper/small.lua
check "verify: a database without the run" 4 'no run of the receipt' -- "$VAE_LAB" verify paper/r2 --db again.db
check "verify: script or database" 2 'exclude each other' -- "$VAE_LAB" verify paper/r2 --db paper.db --script paper/small.lua
sed 's/^script: .*/script: ..\/small.lua/' paper/r2 | grep -v '^checksum' >paper/forged; echo "checksum: $(sha256sum <paper/forged | cut -c1-8)" >>paper/forged
check "verify: a script's name is no path" 2 'the script of the receipt is not here' '--script FILE' -- "$VAE_LAB" verify paper/forged
echo '-- remark' >>paper/small.lua; says_no "a changed script" "the script changed" paper/r2
sed -i '$d' paper/small.lua; echo 'return 4 + 4' >paper/width.lua; says_no "a changed module" "a module of the script changed" paper/r2
echo 'return 8' >paper/width.lua
{ printf '\0\0\10\3\0\0\3\40\0\0\0\4\0\0\0\4'; head -c 12800 /dev/urandom; } >images
says_no "other data" "the data differ" paper/r4
check "verify: other data, database: no" 1 '^no: data differ' -- "$VAE_LAB" verify paper/r4 --db paper.db --quiet
sql "UPDATE run SET status = 'interrupted' WHERE id = 1; UPDATE run SET imported = 'w.npz' WHERE id = 3"
check "receipt: of an unfinished run" 1 'trained to its end' 'status interrupted' -- "$VAE_LAB" receipt 1
check "receipt: of imported weights" 1 'imported weights' -- "$VAE_LAB" receipt 3
check "receipt: no such run" 4 'there is no run 99' -- "$VAE_LAB" receipt 99
# files of idx: data that lie elsewhere now
cp images moved_images && mkdir data && mv images data/ && rm moved_images
check "reproduce: data files that have moved are found in --data-dir" 1 'the data set' -- "$VAE_LAB" reproduce 4 --data-dir data --quiet

# ---- runs of the reference database, which were computed on another processor
check "reproduce: runs of results/reference.db" 0 'run 19 .*reproduced to the bit: 84 values of 20 epochs, digest' 'run 209 .*reproduced to the bit: 320 values of 40 epochs, digest c0024308236b' 'recorded on AMD EPYC' -- \
    "$VAE_LAB" reproduce 19 209 --db "$root/results/reference.db" --quiet
if [ -d "${VAE_LAB_TEST_DATA:-}/mnist" ]; then
    kept=$(sqlite3 -readonly "$root/results/reference.db" "select r.id from run r join experiment e on e.id = r.experiment
        where e.name = 'aevb_figure3' and r.label = 'examples=1000, method=aevb, seen=100000, step=0.1' and r.seed = 1")
    check "reproduce: a run of results/reference.db on MNIST" 0 "run $kept .*reproduced to the bit: .* of 100 epochs" -- \
        "$VAE_LAB" reproduce "$kept" --db "$root/results/reference.db" --data-dir "$VAE_LAB_TEST_DATA" --quiet
else
    skip "reproduce: a run of results/reference.db on MNIST" "no MNIST"
fi
