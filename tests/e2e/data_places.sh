#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The files of a published data set are found under the names and in the folders in which people have them.
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
    check "data: MNIST with names with a dot" 0 'f0baf839df59' -- "$VAE_LAB" data show mnist --data-dir real
else
    skip "data: MNIST with names with a dot" "no MNIST"
fi
