#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Texts of users in figures: awkward characters in every format, long labels that stay different and on the page, and figures that fail.
. "$(dirname "$0")/common.sh.inc"

# experiment NAME SWEEP BETA: NAME.lua with that sweep; its models differ by the weight of the KL, because runs of equal models are one run
experiment() {
    cat >"$1.lua" <<X
local lab = require "vae_lab"
local function number(text)
  local h = 0
  for i = 1, #text do h = (h * 31 + text:byte(i)) % 10007 end
  return h / 10007
end
return lab.experiment {
  name = "$1", question = "Which texts can be drawn?", data = { "digits", train = 100, test = 50 },
  sweep = { $2 },
  model = function (run, x)
    local q  = lab.mlp { x, 4, act = "tanh" }:normal(2)
    local z  = q:sample()
    local px = lab.mlp { z, 4, act = "tanh" }:bernoulli(x)
    return { bound = px:log_prob(x) - ($3) * q:kl(), q = q, p = px, z = z }
  end,
  train    = { epochs = 1, batch = 50, optimiser = lab.adam { rate = 1e-3 } },
  evaluate = { lab.eval.elbo(), lab.eval.latent_space { examples = 50 } },
  figures  = { $4 },
}
X
}

# ---- every awkward character, in every format
experiment odd 'note = { "50 % off", "\"two words\"", "a_b ^2 ~x # & $5", "back\\slash", "{brace} it'"'"'s `tick` @home <b>", "-- dashes", "[r]", ("long "):rep(2000), ("x"):rep(9999), "new\nline\ttab", "\27[31m", "bad\xff\xfeutf", "e\u{301} \u{6f22}\u{5b57} \u{5e9}\u{5dc}", "comma, semi; paren (x" }' \
    '1 + number(run.note)' 'lab.fig.curves(), lab.fig.bars { metrics = { "elbo", "latent/overlap" } }, lab.fig.against { x = "note" }, lab.fig.means()'
sed -i 's/\$5/$5/' odd.lua
"$VAE_LAB" run odd.lua --quiet --threads 1 >out 2>&1 || no "awkward texts: runs" "$(cat out)"
check "awkward texts: pdf, png, svg and tex are drawn" 0 -- "$VAE_LAB" figures odd.lua --out odd --format pdf,png,svg,tex
missing=
while IFS= read -r want; do
    grep -qF ">$want<" odd/curves.svg || missing="$missing [$want]"
done <<'X'
note = 50 % off
note = "two words"
note = a_b ^2 ~x # &amp; $5
note = back\slash
note = {brace} it's `tick` @home &lt;b>
note = -- dashes
note = [r]
note = new\nline\ttab
note = \x1B[31m
note = bad\xFF\xFEutf
note = “comma, semi; paren (x”
X
[ -z "$missing" ] && ok "awkward texts: an svg has exactly these texts" || no "awkward texts: svg" "missing:$missing"
grep -qF '>50 % off<' odd/against.svg && ok "awkward texts: the names of tics" || no "awkward texts: tics" "no '50 % off'"
grep -qF 'note = 50 \% off' odd/curves.tex && ! grep -q 'back.slash' odd/curves.tex && grep -qF '\char34{}two words\char34{}' odd/curves.tex &&
    ok "awkward texts: LaTeX's spelling" || no "awkward texts: tex" "$(grep -n 'off\|words' odd/curves.tex)"
if command -v iconv >/dev/null; then
    iconv -f UTF-8 -t UTF-8 odd/*.svg >/dev/null 2>err && ok "awkward texts: UTF-8 in every svg" || no "awkward texts: svg" "$(cat err)"
fi
if command -v pdflatex >/dev/null; then
    { printf '%s\n' '\documentclass{article}\usepackage{graphicx,color}\begin{document}'
      for f in odd/*.tex; do printf '\\input{%s}\\clearpage\n' "$f"; done
      printf '%s\n' '\end{document}'; } >all.tex
    pdflatex -interaction=nonstopmode -halt-on-error all.tex >tex.out 2>&1 && ok "awkward texts: pdflatex compiles every figure" ||
        no "awkward texts: pdflatex" "$(grep -A3 '^!' tex.out | head -8)"
else
    skip "awkward texts: pdflatex" "not installed"
fi

# ---- twelve settings with names of 25 letters: what does not vary is left out, and nothing leaves the page
sweep= sum=
for i in a b c d e f g h i j k l; do sweep="$sweep ${i}_a_setting_of_25_letters = { 0.5 },"; done
sweep=$(echo "$sweep" | sed 's/\(a_a_setting_of_25_letters\) = { 0.5 }/\1 = { 0.1, 0.2 }/; s/\(b_a_setting_of_25_letters\) = { 0.5 }/\1 = { 0.1, 0.2 }/')
experiment long "$sweep" 'run.a_a_setting_of_25_letters + 3 * run.b_a_setting_of_25_letters' 'lab.fig.curves(), lab.fig.bars { metrics = { "elbo" } }, lab.fig.means()'
"$VAE_LAB" run long.lua --quiet --threads 1 >out 2>&1 || no "long labels: runs" "$(cat out)"
check "long labels: drawn" 0 'long/means.svg' -- "$VAE_LAB" figures long.lua --out long --format svg
grep -qF '>a a setting of 25 letters = 0.1, b a setting of 25 letters = 0.2<' long/curves.svg && ! grep -q 'c a setting' long/*.svg &&
    ok "long labels: only the settings that vary" || no "long labels" "$(grep -o '>[^<]*letters[^<]*<' long/curves.svg)"
# text of 9 pt is about 1.7 mm a character; the widest place is the page of 16 cm
longest=$(grep -ho '>[^<>]*<' long/*.svg | awk '{ if (length > n) n = length } END { print n }')
[ "$longest" -lt 95 ] && ok "long labels: every line fits the page" || no "long labels" "a line of $longest characters"

# ---- shortened labels differ; texts are broken into lines that fit
cat >titles.lua <<'X'
local records, style = require "vae_lab.figures.common.records", require "vae_lab.style"
local Page = require "vae_lab.figures.common.page"
local items, seen = {}, {}
for i = 0, 63 do
  local label, params = {}, {}
  for k = 1, 12 do
    local name = string.rep("name", 6) .. string.char(96 + k)
    params[name] = k <= 6 and (i >> (k - 1)) & 1 or 7
    label[k] = name .. "=" .. params[name]
  end
  items[#items + 1] = { id = i, seed = 1, label = table.concat(label, ", "), params = params }
end
for _, n in ipairs { 64, 4 } do
  local list = records.configurations { runs = table.move(items, 1, n, 1, {}) }
  seen = {}
  for _, c in ipairs(list) do
    assert(utf8.len(c.title) <= 120 and not seen[c.title], c.title)
    assert(#c.slug <= 48 and not seen[c.slug], c.slug)
    seen[c.title], seen[c.slug] = true, true
    for _, line in ipairs(Page.wrap(c.title, 3, 9)) do assert(Page.text_width(line, 9) <= 3, line) end
  end
  assert(#list == n)
end
-- a value that looks like two settings, and one that looks like none
local odd = records.settings_of("a=x, b=y, b=2", { a = "x, b=y", b = 2 })
assert(#odd == 2 and odd[1].value == "x, b=y" and odd[2].value == "2")
assert(records.settings_of("tiny", {})[1].text == "tiny")
assert(style.title(records.settings_of("beta=linear(0 to 1 in 10), noise=false", { beta = "", noise = "false" })) == "β = linear(0 to 1 in 10), without noise")
local short = style.shortened({ "abcdefghij", "abcdefghiJ", "abcdXXghij", "abcdYYghij" }, 8)
local n = 0
seen = {}
for _, text in pairs(short) do
  assert(utf8.len(text) <= 8 and not seen[text], text)
  seen[text], n = true, n + 1
end
local xs = { "a\nb", "a\\nb", "", "\u{202e}x" }
local tics = require("vae_lab.figures.common.axes").places(xs).tics
assert(tics[1][2] == "a\\nb" and tics[2][2] == "a\\nb (2)" and tics[3][2] == "“”" and tics[4][2] == "\\u{202E}x")
assert(n == 4 and style.plain("a\0b\xffc  d\n") == "a\\x00b\\xFFc d\\n")
assert(#Page.wrap(string.rep("x", 200), 5, 9) > 5)
return require "vae_lab".experiment { name = "titles", model = function (_, x) return { bound = x:sum() } end }
X
check "shortened labels differ and fit" 0 'titles' -- "$VAE_LAB" run titles.lua --dry-run

# ---- a figure that fails leaves the others and the other formats alone
sed 's/figures  = {.*/figures = { { name = "broken", draw = function () local a = nil; return a.b end }, lab.fig.curves(), lab.fig.bars { metrics = { "elbo" } } },/' long.lua >fails.lua
check "a figure that fails: the others are drawn" 5 'figure broken' 'fails.lua:[0-9]+' 'fails/curves.png' 'fails/bars.png' '1 files or figures could not be drawn' -- \
    "$VAE_LAB" figures fails.lua --out fails --format png
mkdir -p blocked/curves.svg/x
check "a file that fails: its other formats and the other figures are drawn" 5 'curves.svg' 'blocked/curves.png' 'blocked/bars.svg' 'blocked/bars.png' -- \
    "$VAE_LAB" figures long.lua --out blocked --format svg,png
[ "$(sql "select group_concat(path) from (select path from figure where path like 'blocked/curves%')")" = blocked/curves.png ] &&
    ok "only what was drawn is recorded" || no "recorded figures" "$(sql 'select path from figure')"
