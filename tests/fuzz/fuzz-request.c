/* What inputs_new() takes becomes variables, and those become a cell with one line a variable. */
#include "fuzz.h"

#include <string.h>

#include "notebook/request.h"
#include "notebook/translate.h"

static const RequestLimits limits = {
	.max_parsed_body = 1 << 20, .max_json_depth = 100, .max_gzip_ratio = 100,
	.max_values = 1000,
	.max_fields = 100
};

static size_t
count_lines(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Inputs) inputs = inputs_new((const char *) data, size, &limits, &error);

	if (inputs == NULL) {
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
		return 0;
	}
	g_autoptr(json_object) variables = inputs_variables(inputs, NULL, "python");
	g_autofree char *source = translator_parameters(translator_find("python"), variables);
	g_assert_true(g_utf8_validate(source, -1, NULL));
	g_assert_null(strchr(source, '\r'));
	g_assert_cmpuint(
		count_lines(source), ==, 1 + (size_t) json_object_object_length(variables));
	return 0;
}
