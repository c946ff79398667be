/* daemon/intake_verify.h: the signature of a call that has begun: the operation call.verify.
 *
 * nbhook.fcgi has read the headers and says what was signed how (notebook/signature.h); here the bytes of the
 * body are run through the webhook's secrets, on a worker, and not looked at. The secrets stay here: a
 * program that strangers talk to learns yes or no. A call of a webhook that requires a signature is only
 * accepted after a yes. */
#pragma once

#include "daemon/daemon.h"

void intake_verify(Call *call, gpointer daemon);
