/* exec/kernel_list.h: the kernels of an account, for people. */
#pragma once

#include "base/json.h"
#include "conf/settings.h"

/* An array of objects: name, display_name, language, folder, parameters (whether its notebooks can be given
 * variables), trouble (why this process could not start it, or null). The caller owns it. */
json_object *kernel_list(const Settings *settings);
