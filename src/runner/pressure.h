/* runner/pressure.h: whether the host's memory is short.
 *
 * It is when less than a sixteenth is available, or when in the last ten seconds some process waited for
 * memory for a fifth of the time (PSI, where the kernel has it); it no longer is when a tenth is available
 * and nobody waited. */
#pragma once

#include <glib.h>

typedef struct Pressure Pressure;

typedef void (*PressureChanged)(gboolean pressed, gpointer data);

/* Looks every two seconds at meminfo and pressure/memory in the folder proc; changed is told of every change,
 * the first time when memory becomes short. The caller frees the result. */
Pressure *pressure_new(const char *proc, PressureChanged changed, gpointer data);
void pressure_free(Pressure *pressure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pressure, pressure_free)

/* Pure: the texts of both files (NULL: there is none), and how it was before. */
gboolean pressure_judge(const char *meminfo, const char *psi, gboolean before);
