/* exec/namespace.h: whether this host gives runs namespaces of their own. */
#pragma once

#include <glib.h>

/* Tries it in a child. False with the reason, which names the sysctl where one refuses. */
gboolean namespace_probe(GError **error);
