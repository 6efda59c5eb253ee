#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The files of a published data set are found under the names and in the folders in which people have them; what `data verify` and
# `data show` say of files and of built-in sets.
. "$(dirname "$0")/common.sh.inc"
listed() { # listed SET FOLDER FILE: `data list` finds the set
    rm -rf places
    mkdir -p "places/$2"
    echo >"places/$2/$3"
    check "data list: $1 in $2, $3" 0 "^$1 .* yes " -- "$VAE_LAB" data list --data-dir places
}
listed mnist mnist train-images-idx3-ubyte
listed mnist . train-images-idx3-ubyte.gz
listed mnist . train-images.idx3-ubyte
listed mnist mnist t10k-labels.idx1-ubyte.gz
listed mnist MNIST/raw train-images-idx3-ubyte
listed mnist MNIST train-images-idx3-ubyte
listed fashion-mnist FashionMNIST/raw train-images-idx3-ubyte.gz
listed kmnist KMNIST/raw t10k-images-idx3-ubyte
rm -rf places
mkdir -p places/train-images-idx3-ubyte
check "data list: a folder of the file's name is no file" 0 '^mnist .* no ' -- "$VAE_LAB" data list --data-dir places
check "data: a missing file names the places" 5 'mnist/train-images-idx3-ubyte.*MNIST/raw.*folder itself.*[.]idx' 'places' -- \
    "$VAE_LAB" data show mnist --data-dir places
if [ -e "${VAE_LAB_TEST_DATA:-}/mnist/t10k-images-idx3-ubyte.gz" ]; then
    mkdir -p real
    for f in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
        ln -s "$VAE_LAB_TEST_DATA/mnist/$f-ubyte.gz" "real/$(echo $f | sed 's/-idx/.idx/')-ubyte.gz"
    done
    for set in kmnist fashion-mnist; do
        mkdir -p swapped/$set && ln -s "$VAE_LAB_TEST_DATA"/mnist/*.gz swapped/$set
        check "data verify: the files of another set are not $set" 5 'ubyte +BAD: this is not the published file: its checksum differs' -- "$VAE_LAB" data verify $set --data-dir swapped
    done
    check "data: MNIST with names with a dot" 0 'f0baf839df59' -- "$VAE_LAB" data show mnist --data-dir real
else
    skip "data: MNIST with names with a dot" "no MNIST"
fi

# ---- verify and show
check "data verify: a built-in set of images" 0 '^digits +built in +digest 070ebc4874d8.* ok$' -- "$VAE_LAB" data verify digits
check "data verify: all sets" 0 '^digits .*ok$' '^mnist +not here' '^toy:ring +built in +digest .*ok$' -- "$VAE_LAB" data verify
check "data verify: an unknown set" 5 'no data set "minst"' 'data list' -- "$VAE_LAB" data verify minst
mkdir -p bad/mnist
echo x >bad/mnist/train-images-idx3-ubyte
check "data verify: every bad file is named, the error is the first one's" 5 '^train-images-idx3-ubyte +BAD: a data file is truncated' \
    '^t10k-labels-idx1-ubyte +BAD: .* is missing' '^vae-lab: a data file is truncated' -- "$VAE_LAB" data verify mnist --data-dir bad
check "data verify: all sets, with a bad file" 5 '^toy:moons .*ok$' 'BAD: a data file is truncated' '^vae-lab: a data file' -- "$VAE_LAB" data verify --data-dir bad
check "data show: points in the plane" 0 'points of 2 numbers' 'train +50 ' '^ +0:6 1:8 2:13' '^ +-0.9785 +-0.5439$' '^ +-[ -]+$' -- "$VAE_LAB" data show toy:pinwheel --train 50
check "data show: points of more numbers" 0 'points of 8 numbers' '( +-?[0-9.]+){8}$' -- "$VAE_LAB" data show toy:linear-gaussian --train 50
check "data show: a chosen binarisation and number of examples" 0 'static binarisation' '^3 +0$' '@@@' -- "$VAE_LAB" data show digits --binarise static --examples 2 --train 20
check "data show: an unknown binarisation" 2 "no way 'no'" 'grey, static or dynamic' -- "$VAE_LAB" data show digits --binarise no
check "data: wrong arguments" 2 'found +nonsense x' 'expected +list, fetch NAME' -- "$VAE_LAB" data nonsense x
if command -v script >/dev/null; then
    script -qec "'$VAE_LAB' data show digits --examples 1 --train 20" /dev/null </dev/null >out 2>&1
    grep -q "$(printf '\342\226\200')" out && ok "data show: half blocks on a terminal" || no "data show: a terminal" "$(cat out)"
else
    skip "data show: half blocks on a terminal" "there is no script command"
fi
