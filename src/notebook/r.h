/* notebook/r.h: names and values of R.
 *
 * JSON null is NULL, an array is a list, an object a list with names. An integer of 32 bits is an integer,
 * any other number a numeric; an integer that no numeric can hold exactly is the text of its digits. */
#pragma once

#include "notebook/translator.h"

extern const Translator r_translator;
