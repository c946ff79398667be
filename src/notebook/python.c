/* A value is written as a literal. Three kinds of value are not, because Python's parser or
 * IPython's would refuse them or take very long: JSON that is nested deep (the parser allows 200
 * brackets) or has many items is written as one string that the module json reads, and an integer
 * with more digits than Python converts (4300) as the sum of its parts. */
#include "notebook/python.h"

#include <string.h>

#include "notebook/literal.h"

#define MAX_LITERAL_DEPTH 50
#define MAX_LITERAL_ITEMS 1000
#define MAX_INTEGER_DIGITS 4300
#define PART_DIGITS 4000

static const char *const keywords[] = { "False", "None", "True", "and", "as", "assert", "async",
	"await", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally",
	"for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
	"pass", "raise", "return", "try", "while", "with", "yield", NULL };

/* dir(builtins) of Python 3.11 without dunders and keywords, and what IPython adds to it. */
static const char *const builtins[] = { "ArithmeticError", "AssertionError", "AttributeError",
	"BaseException", "BaseExceptionGroup", "BlockingIOError", "BrokenPipeError", "BufferError",
	"BytesWarning", "ChildProcessError", "ConnectionAbortedError", "ConnectionError",
	"ConnectionRefusedError", "ConnectionResetError", "DeprecationWarning", "EOFError",
	"Ellipsis", "EncodingWarning", "EnvironmentError", "Exception", "ExceptionGroup",
	"FileExistsError", "FileNotFoundError", "FloatingPointError", "FutureWarning",
	"GeneratorExit", "IOError", "ImportError", "ImportWarning", "IndentationError",
	"IndexError", "InterruptedError", "IsADirectoryError", "KeyError", "KeyboardInterrupt",
	"LookupError", "MemoryError", "ModuleNotFoundError", "NameError", "NotADirectoryError",
	"NotImplemented", "NotImplementedError", "OSError", "OverflowError",
	"PendingDeprecationWarning", "PermissionError", "ProcessLookupError", "RecursionError",
	"ReferenceError", "ResourceWarning", "RuntimeError", "RuntimeWarning", "StopAsyncIteration",
	"StopIteration", "SyntaxError", "SyntaxWarning", "SystemError", "SystemExit", "TabError",
	"TimeoutError", "TypeError", "UnboundLocalError", "UnicodeDecodeError",
	"UnicodeEncodeError", "UnicodeError", "UnicodeTranslateError", "UnicodeWarning",
	"UserWarning", "ValueError", "Warning", "ZeroDivisionError", "abs", "aiter", "all", "anext",
	"any", "ascii", "bin", "bool", "breakpoint", "bytearray", "bytes", "callable", "chr",
	"classmethod", "compile", "complex", "copyright", "credits", "delattr", "dict", "dir",
	"divmod", "enumerate", "eval", "exec", "exit", "filter", "float", "format", "frozenset",
	"getattr", "globals", "hasattr", "hash", "help", "hex", "id", "input", "int", "isinstance",
	"issubclass", "iter", "len", "license", "list", "locals", "map", "max", "memoryview", "min",
	"next", "object", "oct", "open", "ord", "pow", "print", "property", "quit", "range", "repr",
	"reversed", "round", "set", "setattr", "slice", "sorted", "staticmethod", "str", "sum",
	"super", "tuple", "type", "vars", "zip", "display", "get_ipython", NULL };

/* Other_ID_Start and Other_ID_Continue of Unicode, which Python's identifiers include, as far as
 * they are NFKC normal. */
static const gunichar other_starts[] = { 0x1885, 0x1886, 0x2118, 0x212e };
static const gunichar other_continues[] = { 0x00b7, 0x0387, 0x1369, 0x136a, 0x136b, 0x136c, 0x136d,
	0x136e, 0x136f, 0x1370, 0x1371, 0x19da };

static gboolean
is_among(gunichar character, const gunichar *set, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (set[i] == character)
			return TRUE;
	return FALSE;
}

static gboolean
starts_identifier(gunichar character)
{
	return literal_starts_identifier(character) ||
	       is_among(character, other_starts, G_N_ELEMENTS(other_starts));
}

static gboolean
continues_identifier(gunichar character)
{
	return literal_continues_identifier(character) || starts_identifier(character) ||
	       is_among(character, other_continues, G_N_ELEMENTS(other_continues));
}

static gboolean
is_identifier(const char *name)
{
	if (*name == '\0' || !starts_identifier(g_utf8_get_char(name)))
		return FALSE;
	for (; *name != '\0'; name = g_utf8_next_char(name))
		if (!continues_identifier(g_utf8_get_char(name)))
			return FALSE;
	return TRUE;
}

/* Python would turn another spelling into the normal one, and two keys could be one variable. */
static gboolean
is_normal(const char *name)
{
	g_autofree char *normal = g_utf8_normalize(name, -1, G_NORMALIZE_NFKC);

	return normal != NULL && strcmp(normal, name) == 0;
}

static gboolean
is_dunder(const char *name)
{
	return g_str_has_prefix(name, "__") && g_str_has_suffix(name, "__");
}

static gboolean
accepts_name(const char *name, size_t size)
{
	(void) size;
	return is_identifier(name) && is_normal(name) && !is_dunder(name) &&
	       !g_strv_contains(keywords, name) && !g_strv_contains(builtins, name);
}

static void
append_name(GString *source, const char *name)
{
	g_string_append(source, name);
}

static void
append_escaped(GString *source, gunichar character)
{
	switch (character) {
	case '\n':
		g_string_append(source, "\\n");
		break;
	case '\r':
		g_string_append(source, "\\r");
		break;
	case '\t':
		g_string_append(source, "\\t");
		break;
	default:
		g_string_append_printf(source,
			character < 0x100     ? "\\x%02x"
			: character < 0x10000 ? "\\u%04x"
					      : "\\U%08x",
			character);
	}
}

/* The size of the plain ASCII at the beginning of text. */
static size_t
plain_length(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size && text[at] >= ' ' && text[at] < 0x7f && text[at] != '"' &&
		text[at] != '\\')
		at++;
	return at;
}

void
python_append_string(GString *source, const char *text, size_t size)
{
	const char *end = text + size;

	g_string_append_c(source, '"');
	while (text < end) {
		size_t length = plain_length(text, (size_t) (end - text));

		g_string_append_len(source, text, (gssize) length);
		text += length;
		if (text == end)
			break;
		gunichar character =
			*text == '\0' ? 0 : g_utf8_get_char_validated(text, end - text);
		if (character == (gunichar) -1 || character == (gunichar) -2) {
			g_string_append_printf(source, "\\udc%02x", (guchar) *text++);
			continue;
		}
		if (character == '"' || character == '\\')
			g_string_append_printf(source, "\\%c", (char) character);
		else if (literal_is_plain(character)) /* IPython cuts with str.splitlines() */
			g_string_append_unichar(source, character);
		else
			append_escaped(source, character);
		text += g_unichar_to_utf8(character, NULL);
	}
	g_string_append_c(source, '"');
}

/* Whether value fits within depth levels and *items items, which it uses up. */
static gboolean
fits(json_object *value, int depth, int *items)
{
	if (--*items < 0 || depth < 0)
		return FALSE;
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (!fits(json_object_array_get_idx(value, i), depth - 1, items))
				return FALSE;
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach (value, name, member) {
			(void) name;
			if (!fits(member, depth - 1, items))
				return FALSE;
		}
	}
	return TRUE;
}

/* An integer of digits as the sum of parts that Python converts. */
static void
append_sum(GString *source, const char *digits, size_t size)
{
	size_t part = size % PART_DIGITS != 0 ? size % PART_DIGITS : PART_DIGITS;

	g_string_append(source, "sum([");
	while (size > 0) {
		g_autofree char *text = g_strndup(digits, part);
		const char *significant = text + strspn(text, "0");

		digits += part;
		size -= part;
		part = PART_DIGITS;
		if (*significant != '\0')
			g_string_append_printf(source, "%s*10**%zu,", significant, size);
	}
	g_string_append(source, "])");
}

/* JSON's numbers are Python's. */
static void
append_number(GString *source, json_object *value)
{
	g_autofree char *text = json_print(value);
	const char *digits = text + (*text == '-');
	size_t size = strlen(digits);

	if (size <= MAX_INTEGER_DIGITS || strspn(digits, "0123456789") != size) {
		g_string_append(source, text);
		return;
	}
	if (*text == '-')
		g_string_append_c(source, '-');
	append_sum(source, digits, size);
}

static void append_literal(GString *source, json_object *value);

static void
append_list(GString *source, json_object *list)
{
	g_string_append_c(source, '[');
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (i > 0)
			g_string_append(source, ", ");
		append_literal(source, json_object_array_get_idx(list, i));
	}
	g_string_append_c(source, ']');
}

static void
append_dict(GString *source, json_object *object)
{
	gboolean first = TRUE;

	g_string_append_c(source, '{');
	json_object_object_foreach (object, name, member) {
		if (!first)
			g_string_append(source, ", ");
		first = FALSE;
		python_append_string(source, name, strlen(name));
		g_string_append(source, ": ");
		append_literal(source, member);
	}
	g_string_append_c(source, '}');
}

static void
append_literal(GString *source, json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		g_string_append(source, "None");
		break;
	case json_type_boolean:
		g_string_append(source, json_object_get_boolean(value) ? "True" : "False");
		break;
	case json_type_int:
	case json_type_double:
		append_number(source, value);
		break;
	case json_type_string:
		python_append_string(source, json_object_get_string(value),
			(size_t) json_object_get_string_len(value));
		break;
	case json_type_array:
		append_list(source, value);
		break;
	case json_type_object:
		append_dict(source, value);
		break;
	}
}

static void
append_value(GString *source, json_object *value)
{
	int items = MAX_LITERAL_ITEMS;

	if (fits(value, MAX_LITERAL_DEPTH, &items)) {
		append_literal(source, value);
		return;
	}
	g_autofree char *json = json_print(value);
	g_string_append(source, "__import__(\"json\").loads(");
	python_append_string(source, json, strlen(json));
	g_string_append_c(source, ')');
}

static void
append_item(GString *source, const char *name, const char *value)
{
	g_string_append_printf(source, "\"%s\": ", name);
	python_append_string(source, value, strlen(value));
}

static char *
identity(const char *uid, const char *path, const char *runtime)
{
	GString *source = g_string_new("try:\n"
				       "    import naas\n"
				       "    naas.n_env.current = {");

	append_item(source, "uid", uid);
	g_string_append(source, ", ");
	append_item(source, "path", path);
	g_string_append(source, ", ");
	append_item(source, "env", "RUNNER");
	g_string_append(source, ", ");
	append_item(source, "runtime", runtime);
	g_string_append(source, "}\n"
				"except (ImportError, AttributeError):\n"
				"    pass");
	return g_string_free(source, FALSE);
}

const Translator python_translator = {
	.language = "python",
	.title = "Python",
	.comment = "# ",
	.assignment = " = ",
	.accepts_name = accepts_name,
	.append_name = append_name,
	.append_value = append_value,
	.identity = identity,
};
