/* notebook/request.h: a request as it was received, and the inputs that a notebook gets from it.
 *
 * The "request" file of a job is an HTTP message: request line (the token replaced by "-"),
 * headers (credentials redacted), blank line, body byte for byte; where the body brought files, those are in
 * the job's folder files/ and stand here as REQUEST_VALUE says. nbhook.fcgi writes it and checks
 * it with the functions below before the job is accepted; nbhook-exec reads it with the same
 * functions. */
#pragma once

#include <glib.h>

#include "base/json.h"
#include "conf/settings.h"

/* What a request may be; a copy of the settings of these names. */
typedef struct RequestLimits {
	gint64 max_parsed_body;
	int max_json_depth;
	gint64 max_values;
	gint64 max_fields; /* max_parts */
	gint64 max_gzip_ratio;
} RequestLimits;

RequestLimits request_limits(const Settings *settings);

/* The same without a ceiling for the values: of a request that has been accepted. */
RequestLimits request_limits_accepted(const Settings *settings);

/* A header that only a request file has (a caller's headers have no underscore): what follows the head is
 * not the body but the JSON object {"body", "body_all"} of the values that a notebook gets in its place, with
 * the paths of files relative to the job's files/. */
#define REQUEST_VALUE "nbhook_body"
#define REQUEST_VALUE_KIND "body and body_all"

/* Whose values nobody is to see: authorization, cookie, proxy-authorization, every header with "signature" in
 * its name, and those here. */
typedef struct Redaction {
	const char *secret;      /* one more name, or NULL */
	json_object *unredacted; /* an array of names that are shown all the same, or NULL */
} Redaction;

/* Appends a head to text. target is path and query as received, with the token already replaced;
 * headers is an object of strings with lower-case names, in which credentials are redacted here.
 * BAD_REQUEST for CR, LF or NUL in any of them. */
gboolean request_print_head(GString *text, const char *method, const char *target,
	json_object *headers, const Redaction *redaction, GError **error);

/* The variables of a notebook. The five values are owned by it; body may be NULL for the JSON
 * value null. */
typedef struct Inputs {
	json_object *params;     /* the query: object of strings, the last of repeated keys */
	json_object *params_all; /* the query: object of arrays of strings */
	json_object *body; /* form: object of strings; JSON: the value; other text: {"str": text};
	                    * with files: fields and "files" */
	json_object *body_all;  /* a form's fields: object of arrays of strings; else empty */
	gboolean body_has_keys; /* an object whose keys become variables: not that of other text */
	json_object *headers;   /* lower-case names, credentials redacted */
} Inputs;

/* Takes the inputs out of a request file of size bytes. Errors: BAD_REQUEST
 * for broken percent-encoding, NUL, invalid UTF-8, truncated, trailing or too deep JSON, NaN;
 * or gzip; TOO_LARGE for a form, JSON or text body over max_parsed_body, max_values or max_gzip_ratio (it
 * names the setting); UNSUPPORTED_TYPE for an unknown Content-Encoding or charset. */
Inputs *inputs_new(const char *request, size_t size, const RequestLimits *limits,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void inputs_free(Inputs *inputs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inputs, inputs_free)

/* Makes the paths of body["files"], if there are any, those of files in folder. */
void inputs_place_files(Inputs *inputs, const char *folder);

/* Adds value (owned) to the array that all has under name. */
void request_add_value(json_object *all, const char *name, json_object *value);

/* Decodes application/x-www-form-urlencoded text ("+" is a space) into both shapes. names holds
 * the word for errors ("the query", "the form"). BAD_REQUEST as above. */
gboolean request_parse_form(const char *text, size_t size, const char *names, json_object **last,
	json_object **all, GError **error);

/* Whether a param of this name can become a variable of a notebook in language: it is none of the
 * names that are there already and, where the language has a translator, one that it accepts. */
gboolean inputs_accepts_name(const char *name, const char *language);

/* The variables to inject, in the order in which they are written: params, params_all, body, body_all,
 * headers as they are, and beside them every key of the registered params, the query, and a form
 * or JSON object body (later wins) that inputs_accepts_name() (an identifier and no keyword,
 * builtin or dunder of the language, nor one of the names above). An object; the caller owns it. */
json_object *inputs_variables(Inputs *inputs, json_object *registered, const char *language);
