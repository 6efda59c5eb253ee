#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Weights out and in: exported files are read by an independent reader (arrays.py), which also writes what import reads.
. "$(dirname "$0")/common.sh.inc"
cp "$root/tests/e2e/tiny.lua" .
python=
for p in python3 /usr/bin/python3; do "$p" -c 'import numpy' 2>/dev/null && { python=$p; break; }; done
[ -n "$python" ] || { skip "weights" "no Python with NumPy (python3-numpy)"; exit 0; }
arrays() { "$python" "$root/tests/e2e/arrays.py" "$@"; }
narrow="--set seed=1 --set beta=1 --set epochs=1"
one="--set seed=1 --set beta=1 --set epochs=1 --threads 1"
"$VAE_LAB" run tiny.lua $one --quiet >/dev/null 2>&1 || no "a run to export" "it failed"

# ---- export
check "export: safetensors" 0 -- "$VAE_LAB" export 1 -o w.safetensors
check "export: npz" 0 -- "$VAE_LAB" export 1 -o w.npz
[ "$(arrays digest w.safetensors)" = "$(sql 'select digest from run')" ] && ok "safetensors: an independent reader finds the run's digest" || no "safetensors" "another digest"
arrays show w.safetensors >a; arrays show w.npz >b
cmp -s a b && [ "$(wc -l <a)" -eq 10 ] && ok "npz: NumPy reads the same arrays" || no "npz" "$(diff a b)"
grep -qF 'encoder.0.W <f4 (784, 32) ' a && grep -qF 'encoder.0.b <f4 (1, 32) ' a && ok "a weight matrix is (in, out), a bias (1, out)" || no "shapes" "$(cat a)"
[ "$(arrays meta w.safetensors identity)" = "$(sql 'select identity from run')" ] && [ "$(arrays meta w.safetensors seed)" = 1 ] &&
    ok "safetensors: the metadata name the run" || no "metadata" "another identity"
"$VAE_LAB" export 1 -o - --what weights | cmp -s - w.safetensors && ok "export to standard output gives the same bytes" || no "export -o -" "other bytes"
"$VAE_LAB" export 1 -o again.npz && cmp -s w.npz again.npz && ok "npz: equal arrays give equal bytes" || no "npz" "other bytes"

sql "insert into metric values (1, (select id from metric_name where name = 'train/kl'), 2, null, 'nan'), (1, (select id from metric_name where name = 'train/kl'), 3, null, '-inf')"
check "export: curves as CSV" 0 -- "$VAE_LAB" export 1 -o curves.csv
"$python" - <<'EOF' && ok "CSV: every digit, step and word of the record" || no "CSV" "see above"
import csv, sqlite3
rows = list(csv.reader(open("curves.csv", newline="")))
want = sqlite3.connect("results.db").execute("select n.name, m.step, m.value, m.kind from metric m join metric_name n on n.id = m.metric order by 1, 2").fetchall()
assert rows[0] == ["metric", "step", "value"] and open("curves.csv", "rb").read().count(b"\r\n") == len(rows)
got = [(m, int(s), v) for m, s, v in rows[1:]]
assert len(got) == len(want), (len(got), len(want))
for (m, s, v), (n, t, x, kind) in zip(got, want):
    assert (m, s) == (n, t) and (v == kind if kind else float(v) == x), (m, s, v, x, kind)
EOF
check "export: curves as npz" 0 -- "$VAE_LAB" export 1 -o curves.npz --what curves
check "export: posteriors" 0 -- "$VAE_LAB" export 1 -o z.npz --what posteriors
check "export: posteriors as CSV" 0 -- "$VAE_LAB" export 1 -o z.csv --what posteriors
"$python" - <<'EOF' && ok "npz: curves and posteriors are those of the record" || no "npz" "see above"
import csv, numpy, sqlite3
db = sqlite3.connect("results.db")
c, z = numpy.load("curves.npz"), numpy.load("z.npz")
elbo = db.execute("select step, value from curves where metric = 'train/elbo' order by step").fetchall()
assert c["train/elbo"].tolist() == [v for _, v in elbo] and c["train/elbo.step"].tolist() == [s for s, _ in elbo]
assert numpy.isnan(c["train/kl"][1]) and c["train/kl"][2] == -numpy.inf
rows = db.execute("select example, label, mu, sigma from posterior order by example").fetchall()
assert z["example"].tolist() == [r[0] for r in rows] and z["label"].tolist() == [r[1] for r in rows]
assert z["mu"].tobytes() == b"".join(r[2] for r in rows) and z["sigma"].tobytes() == b"".join(r[3] for r in rows)
t = list(csv.DictReader(open("z.csv", newline="")))
assert [numpy.float32(r["mu2"]) for r in t] == z["mu"][:, 1].tolist() and [numpy.float32(r["sigma1"]) for r in t] == z["sigma"][:, 0].tolist()
EOF
check "export: an existing file is left" 5 'exists already' '--force replaces it' -- "$VAE_LAB" export 1 -o w.npz
check "export: --force replaces it" 0 -- "$VAE_LAB" export 1 -o w.npz --force
check "export: a misspelt ending" 2 'did you mean ".safetensors"' -- "$VAE_LAB" export 1 -o w.safetensor
check "export: no ending" 2 'ends in .safetensors, .npz or .csv' -- "$VAE_LAB" export 1 -o w
check "export: a part that the format does not hold" 2 'does not hold curves' -- "$VAE_LAB" export 1 -o c.safetensors --what curves
check "export: an unknown part" 2 'no such part' 'weights, curves or posteriors' -- "$VAE_LAB" export 1 -o w2.npz --what nothing
check "export: no file is named" 2 'needs the file' 'export 12 -o' -- "$VAE_LAB" export 1
check "export: --record, no file is named" 2 'needs the file' '--record -o' -- "$VAE_LAB" export --record
check "export: two runs" 2 "one run's number" 'vae-lab runs' -- "$VAE_LAB" export 1 2 -o w2.npz
check "export: not a number" 2 'a run has a number' -- "$VAE_LAB" export one -o w2.npz
check "export: no such run" 4 'there is no run 7' -- "$VAE_LAB" export 7 -o c.csv
check "export: no such folder" 5 'No such file or directory' 'the folder must exist' -- "$VAE_LAB" export 1 -o nowhere/c.csv
[ -e /dev/full ] && { "$VAE_LAB" export 1 -o - >/dev/full 2>out; [ $? -eq 5 ] && grep -q 'could not be written' out && ok "export: a full disk is reported" || no "export to a full disk" "$(cat out)"; }
(trap '' XFSZ; ulimit -f 64; "$VAE_LAB" export 1 -o full.npz --what weights) >out 2>&1
[ $? -eq 5 ] && grep -q 'cannot write a file' out && [ -z "$(ls full* 2>/dev/null)" ] && ok "export: a write that fails leaves no file" || no "a failed write" "$(cat out; ls full*)"

# ---- import: of our own file it is the same run
"$VAE_LAB" run tiny.lua --set seed=2 --set beta=0 --set epochs=1 --quiet >/dev/null 2>&1
same="select count(*) from last_values a left join last_values b on a.metric = b.metric and b.run = (select max(id) from run where imported is not null) where a.run = 1 and a.metric not like 'train/%' and a.metric not like 'gradient/%' and a.metric not like 'time/%' and a.value is not b.value"
check "import: of our safetensors" 0 'w.safetensors \(imported\)' 'evaluated' 'imported as run 3' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow
[ "$(sql "$same")" = 0 ] && [ "$(sql "select count(*) from last_values where run = 3")" -gt 8 ] && ok "its test metrics and evaluations are those of the trained run, to the bit" || no "import" "other numbers: $(sql "$same")"
[ "$(sql "select count(*) from posterior a join posterior b on a.example = b.example and a.mu = b.mu and a.sigma = b.sigma where a.run = 1 and b.run = 3")" = 300 ] && ok "its posteriors too" || no "import" "other posteriors"
[ "$(sql "select status || epochs || (select count(*) from metric where run = 3 and step > 0) from run where id = 3")" = done00 ] && ok "it is done, and has no curves" || no "import" "$(sql "select status, epochs from run where id = 3")"
check "import: twice is once" 0 'recorded already, as run 3' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow
check "import: of npz it is the same run" 0 'recorded already, as run 3' -- "$VAE_LAB" import w.npz tiny.lua $narrow --name again
for kind in fortran big packed; do
    arrays npz w.safetensors $kind.npz $kind
    check "import: npz, $kind" 0 'recorded already, as run 3' -- "$VAE_LAB" import $kind.npz tiny.lua $narrow
done
check "show: it was imported" 0 '^imported +w.safetensors, SHA-256 [0-9a-f]{64}$' -- "$VAE_LAB" show 3
check "runs: the label tells it" 0 ' packed.npz \(imported\) ' -- "$VAE_LAB" runs
check "import: its figures are drawn" 0 'ellipses.png' -- "$VAE_LAB" figures tiny.lua --format png --out figures
check "import: the trained run is left alone" 0 '1 done before' -- "$VAE_LAB" run tiny.lua $one
[ "$(sql "select count(*) > 0 from run_source where run = 3")$(sql "select data_options like '%digits%' from run where id = 3")" = 11 ] && ok "its script and its data are recorded" || no "import" "no provenance"
check "reproduce: an imported run has no training to repeat" 4 'imported' -- "$VAE_LAB" reproduce 3
check "gc: of the import's weights" 0 '^dropped' -- "$VAE_LAB" gc --weights 3 --yes
check "import: again, the weights are recorded again" 0 'recorded already, as run 3' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow
check "export: of the import" 0 -- "$VAE_LAB" export 3 -o back.npz
cmp -s w.npz back.npz && ok "export gives the imported arrays back" || no "export of an import" "other bytes"

# ---- import: what does not fit
check "import: script and weights are swapped" 2 "import w.npz tiny.lua" -- "$VAE_LAB" import tiny.lua w.npz
check "import: two runs remain" 2 'the script has 4' 'differ in: seed beta' -- "$VAE_LAB" import w.npz tiny.lua
bad() { # NAME EDIT PATTERN... : the import of a file with this edit is refused, and the run's table stays
    name=$1; edit=$2; shift 2
    arrays edit w.safetensors bad.safetensors meta:none $edit
    check "import: $name" 5 "$@" -- "$VAE_LAB" import bad.safetensors tiny.lua $narrow
}
bad "an array is missing" drop:decoder.0.b '^  missing +decoder.0.b \(1, 32\)$' '1 difference'
bad "an array is unexpected" add:more '^  unexpected +more \(1,\) F32' '1 difference'
bad "another name" rename:encoder.0.W:fc.weight '^  missing +encoder.0.W \(784, 32\); of this size: fc.weight' '^  unexpected +fc.weight \(784, 32\) F32' '2 differences' '--map OURS=THEIRS'
bad "another type" to:encoder.0.W:F64 '^  type .*encoder.0.W \(784, 32\) F64: --convert'
bad "a type of whole numbers" to:encoder.0.W:I64 '^  type .*I64: no floating-point numbers'
bad "a value that is not finite" nan:encoder.mu.W '^  not finite +encoder.mu.W .*: element 0 is -?nan'
bad "all in one error" 'drop:decoder.0.b add:more nan:encoder.mu.W to:encoder.0.W:F16' '4 differences' ' missing ' ' unexpected ' ' type ' ' not finite '
arrays edit w.safetensors wide.safetensors meta:none to:encoder.0.W:F64
check "import: --convert" 0 'recorded already, as run 3' -- "$VAE_LAB" import wide.safetensors tiny.lua $narrow --convert
check "import: another shape" 5 '^  shape +decoder.0.W \(2, 32\) = decoder.0.W \(2, 32\)|^  shape .* = .*\(32, 2\)' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow --map decoder.0.W=encoder.mu.W --map encoder.mu.W=decoder.0.W
check "import: a map of no array" 5 '^  map +encodr.0.W = x: the model has no such array' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow --map encodr.0.W=x
check "import: a line that is no map" 2 'this maps no array' 'OURS = THEIRS' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow --map encoder
arrays edit w.safetensors more.safetensors add:more
check "import: an array is mapped twice" 2 'mapped twice' -- "$VAE_LAB" import w.safetensors tiny.lua $narrow --map encoder.0.W=x --map encoder.0.W=y
check "import: an unknown word in a map" 2 "unknown word after an array's name" -- "$VAE_LAB" import w.safetensors tiny.lua $narrow --map 'encoder.0.W = x turned'
check "import: a folder" 5 'it is a folder' -- "$VAE_LAB" import . tiny.lua $narrow
check "import: an array is left out by the map" 0 'recorded already, as run 3' -- "$VAE_LAB" import more.safetensors tiny.lua $narrow --map -=more
arrays npz w.safetensors object.npz object
check "import: pickled arrays are not executed" 5 'Python objects' 'object.npz' -- "$VAE_LAB" import object.npz tiny.lua $narrow
printf '\200\002}q\000.' >model.pt
check "import: a pickle" 5 'a Python pickle' 'safetensors.torch.save_file' -- "$VAE_LAB" import model.pt tiny.lua $narrow
check "import: a truncated file" 5 'is the file truncated' -- sh -c 'head -c 100000 w.safetensors >cut.safetensors; exec "$0" import cut.safetensors tiny.lua '"$narrow" "$VAE_LAB"
check "import: no such file" 5 'No such file' -- "$VAE_LAB" import none.npz tiny.lua $narrow
check "import: --dry-run records nothing" 0 '10 arrays, 51220 values fit tiny.lua' -- "$VAE_LAB" import w.npz tiny.lua --set seed=2 --set beta=1 --dry-run
[ "$(sql "select count(*) from run where imported is not null")" = 1 ] && ok "what was refused left no run" || no "refused imports" "$(sql "select id, label from run")"

# ---- import: a VAE that NumPy computes
"$python" "$root/tests/e2e/numpy_vae.py" make
cat >vae.lua <<'EOF'
local lab = require "vae_lab"
return lab.experiment {
  name = "numpy", question = "Does it agree with NumPy?", data = { "idx:images.idx", binarise = "grey" },
  model = function (run, x)
    local q  = lab.mlp { x, 12, act = "tanh" }:normal(12)
    local z  = q:sample()
    local px = lab.mlp { z, 13, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - q:kl(), q = q, p = px, z = z }
  end,
  train = { epochs = 1, batch = 50 }, evaluate = { lab.eval.elbo { samples = 1000 } },
}
EOF
check "import: a square matrix must be told" 5 '^  ambiguous +encoder.mu.W .*transpose.* or keep' -- sh -c 'sed "s/ transpose//" names.txt >open.txt; exec "$0" import vae.safetensors vae.lua --names open.txt' "$VAE_LAB"
check "import: NumPy's names and transposed matrices" 0 'encoder.0.W is transposed: enc.weight is \(12, 64\)' -- "$VAE_LAB" import vae.safetensors vae.lua --names names.txt
"$python" "$root/tests/e2e/numpy_vae.py" measure >numpy
sql "select group_concat(value, ' ') from (select value from last_values where run = (select max(id) from run) and metric in ('final/test/kl', 'final/test/reconstruction') order by metric)" >ours
"$python" -c '
kl, rec, se = map(float, open("numpy").read().split())
ours = list(map(float, open("ours").read().split()))
assert abs(ours[0] / kl - 1) < 1e-5, (ours, kl)
assert abs(ours[1] - rec) < 5 * se * (1 + (2000 / 1000) ** 0.5), (ours, rec, se)' && ok "its KL and its reconstruction are those that NumPy computes" || no "NumPy's VAE" "$(cat numpy ours)"

"$VAE_LAB" run tiny.lua --set beta=1 --set seed=9 --set epochs=1000000 --threads 1 --quiet >/dev/null 2>&1 &
pid=$!
until_sql "select count(*) > 2 from curves where metric = 'train/elbo' and run = (select max(id) from run)" 1
kill -INT $pid
wait $pid
check "export: an unfinished run has no weights" 4 'has no weights' 'its status is interrupted' -- "$VAE_LAB" export "$(sql 'select max(id) from run')" -o u.npz
sql "update artifact set bytes = cast(x'00000000' || substr(bytes, 5) as blob) where name = 'weights'"
check "export: weights that were edited are refused" 4 'not those that it recorded' 'was the database edited' -- "$VAE_LAB" export 1 -o edited.npz
