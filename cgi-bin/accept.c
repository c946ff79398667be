#include "accept.h"

#include <string.h>

#include "field.h"

static const char *const documents[] = { "application/problem+json", "application/json", NULL };

/* How exactly a range names a type: 3 "text/html", 2 "text/" and a star, 1 both stars, 0 not. */
static int
exactness(const char *range, const char *type)
{
	size_t prefix = strcspn(type, "/") + 1;

	if (strcmp(range, type) == 0)
		return 3;
	if (strcmp(range, "*/*") == 0)
		return 1;
	return strncmp(range, type, prefix) == 0 && strcmp(range + prefix, "*") == 0 ? 2 : 0;
}

static double
weight_of(const FieldItem *range)
{
	for (guint i = 0; i < range->parameters->len; i++) {
		const FieldItem *parameter = g_ptr_array_index(range->parameters, i);
		char *end = NULL;

		if (strcmp(parameter->name, "q") != 0)
			continue;
		double weight =
			parameter->value != NULL ? g_ascii_strtod(parameter->value, &end) : -1;
		return end != NULL && *end == '\0' && weight >= 0 && weight <= 1 ? weight : 0;
	}
	return 1;
}

/* The weight of the range that names the type most exactly; 0 if none does. */
static double
weight_for(GPtrArray *ranges, const char *type)
{
	int best = 0;
	double weight = 0;

	for (guint i = 0; i < ranges->len; i++) {
		const FieldItem *range = g_ptr_array_index(ranges, i);
		int exact = exactness(range->name, type);

		if (exact <= best)
			continue;
		best = exact;
		weight = weight_of(range);
	}
	return weight;
}

double
accept_weight(const char *accept, const char *type)
{
	g_autoptr(GPtrArray) ranges = field_list(accept);
	g_autofree char *plain = g_ascii_strdown(type, (gssize) strcspn(type, "; \t"));

	return ranges->len > 0 ? weight_for(ranges, plain) : 1;
}

gboolean
accept_prefers_html(const char *accept)
{
	g_autoptr(GPtrArray) ranges = field_list(accept);
	double html = weight_for(ranges, "text/html");

	for (const char *const *type = documents; *type != NULL; type++)
		if (weight_for(ranges, *type) >= html)
			return FALSE;
	return TRUE;
}
