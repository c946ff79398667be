/* tests/fuzz/fuzz.h: the one function of a fuzz target. libFuzzer calls it with inputs of its own,
 * replay.c with the files of the target's corpus. It aborts when a promise is broken. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
