/* daemon/intake_file.h: places for the bytes of a call that has begun: the operation call.file.
 *
 * With a name it makes an empty file in the job's files/; the caller has made the name harmless, and what
 * is not is refused. Without one it gives a file that nobody can find: a body is received there before it
 * is taken apart. A call has at most max_parts named files. */
#pragma once

#include "daemon/daemon.h"

void intake_file(Call *call, gpointer daemon);
