/* A trigger of PSI would need a privilege (CAP_SYS_RESOURCE) before Linux 6.5, so the files are read. */
#include "runner/pressure.h"

#include <string.h>

#define PERIOD_SECONDS 2
#define SHORT_SHARE 16
#define AMPLE_SHARE 10
#define WAITED_PERCENT 20.0

struct Pressure {
	char *meminfo, *psi; /* paths */
	PressureChanged changed;
	gpointer data;
	gboolean pressed;
	guint timer;
};

/* The number behind a name, -1 where the text has none. */
static double
number_behind(const char *text, const char *name)
{
	const char *at = text != NULL ? strstr(text, name) : NULL;

	return at != NULL ? g_ascii_strtod(at + strlen(name), NULL) : -1;
}

gboolean
pressure_judge(const char *meminfo, const char *psi, gboolean before)
{
	double total = number_behind(meminfo, "MemTotal:");
	double available = number_behind(meminfo, "MemAvailable:");
	double waited = number_behind(psi, "some avg10=");
	gboolean known = total > 0 && available >= 0;

	if (waited >= WAITED_PERCENT || (known && available < total / SHORT_SHARE))
		return TRUE;
	return before && (waited > 0 || (known && available < total / AMPLE_SHARE));
}

static gboolean
on_timer(gpointer data)
{
	Pressure *pressure = data;
	g_autofree char *meminfo = NULL;
	g_autofree char *psi = NULL;

	g_file_get_contents(pressure->meminfo, &meminfo, NULL, NULL);
	g_file_get_contents(pressure->psi, &psi, NULL, NULL);
	gboolean pressed = pressure_judge(meminfo, psi, pressure->pressed);
	if (pressed != pressure->pressed) {
		pressure->pressed = pressed;
		pressure->changed(pressed, pressure->data);
	}
	return G_SOURCE_CONTINUE;
}

Pressure *
pressure_new(const char *proc, PressureChanged changed, gpointer data)
{
	Pressure *pressure = g_new0(Pressure, 1);

	pressure->meminfo = g_build_filename(proc, "meminfo", NULL);
	pressure->psi = g_build_filename(proc, "pressure", "memory", NULL);
	pressure->changed = changed;
	pressure->data = data;
	pressure->timer = g_timeout_add_seconds(PERIOD_SECONDS, on_timer, pressure);
	return pressure;
}

void
pressure_free(Pressure *pressure)
{
	if (pressure == NULL)
		return;
	g_source_remove(pressure->timer);
	g_free(pressure->meminfo);
	g_free(pressure->psi);
	g_free(pressure);
}
