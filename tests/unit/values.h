/* tests/unit/values.h: values that are hard to write. The caller owns all results. */
#pragma once

#include "base/json.h"

/* A value from its text. */
json_object *values_json(const char *text);

/* Variables of nested, long and large values. */
json_object *values_extreme(void);

/* 600 variables, others each time (--seed repeats them). Their texts have the character U+0000 unless they are
 * without. */
json_object *values_random(gboolean without_nul);
