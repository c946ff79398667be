/* notebook/julia.h: names and values of Julia 1.
 *
 * JSON null is nothing, an array is a Vector{Any}, an object a Dict{String,Any}; an integer is an Int64 or,
 * where that cannot hold it, a BigInt. */
#pragma once

#include "notebook/translator.h"

extern const Translator julia_translator;

/* What Base and Core export, sorted: once a program has used such a name it cannot be assigned to. Ends with
 * NULL. */
extern const char *const julia_exports[];
