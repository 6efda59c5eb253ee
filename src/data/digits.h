/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * data/digits.h: the built-in data set: handwritten-looking digits, 28x28 grey bytes, drawn from a fixed seed.
 *
 * Image i of a part depends on (part, i) alone, and only on + - * / sqrt and integers: every machine draws the same
 * bytes.
 */
#ifndef DATA_DIGITS_H
#define DATA_DIGITS_H

#include <stddef.h>
#include <stdint.h>

enum { DIGITS_SIDE = 28, DIGITS_PIXELS = 784, DIGITS_CLASSES = 10, DIGITS_TRAIN = 60000, DIGITS_TEST = 10000 };

/* data_digest of the whole set, grey: the same on every machine. */
#define DIGITS_DIGEST "070ebc4874d8d2c352424754642f9800d0bc3faa9ced38fd78da5681d8bf9004"

/* The two parts, as the published MNIST has them. */
typedef enum { DIGITS_PART_TRAIN, DIGITS_PART_TEST } DigitsPart;

/* [OUT] label[n], n the whole size of the part: each class equally often, shuffled.  order: n words of scratch. */
void digits_labels(DigitsPart part, uint8_t *label, uint32_t *order);

/* [OUT] pixel (count, 28, 28): images first .. first+count of the part, given their labels. */
void digits_draw(DigitsPart part, size_t first, size_t count, const uint8_t *label, uint8_t *pixel);

#endif
