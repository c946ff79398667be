#include "visitor.h"

#include <string.h>

static const char *const purpose_headers[] = { "sec-purpose", "purpose", "x-purpose", "x-moz",
	NULL };
static const char *const purposes[] = { "prefetch", "prerender", "preview", NULL };

/* Parts of the User-Agent of those who draw link previews, in lower case, as each of them documents it. They GET;
 * a POST under such a name (Mattermost's outgoing webhooks have that of its previews) is a call. */
static const char *const preview_agents[] = {
	"slackbot-linkexpanding",
	"slack-imgproxy",
	"skypeuripreview",
	"microsoftpreview",
	"bingpreview",
	"outlook-express-link-preview",
	"discordbot",
	"telegrambot",
	"linkedinbot",
	"twitterbot",
	"facebookexternalhit",
	"facebot",
	"meta-externalagent",
	"pinterestbot",
	"redditbot",
	"mattermost-bot",
	"google-pagerenderer",
	"iframely",
	"embedly",
	"zoombot",
	"signal-desktop-link-preview",
	NULL,
};

static gboolean
holds_any(const char *value, const char *const *words)
{
	g_autofree char *lower = g_ascii_strdown(value, -1);

	for (; *words != NULL; words++)
		if (strstr(lower, *words) != NULL)
			return TRUE;
	return FALSE;
}

gboolean
visitor_is_prefetch(const WebRequest *request)
{
	for (const char *const *name = purpose_headers; *name != NULL; name++) {
		const char *value = web_request_header(request, *name);

		if (value != NULL && holds_any(value, purposes))
			return TRUE;
	}
	return FALSE;
}

/* "Mozilla/5.0 … WhatsApp" of an application's own browser is a person: only the robot begins so. */
static gboolean
is_messenger(const char *agent)
{
	return g_ascii_strncasecmp(agent, "whatsapp/", 9) == 0 ||
	       g_ascii_strncasecmp(agent, "viber", 5) == 0;
}

gboolean
visitor_is_preview(const WebRequest *request)
{
	const char *agent = web_request_header(request, "user-agent");

	return agent != NULL && strcmp(request->method, "POST") != 0 &&
	       (is_messenger(agent) || holds_any(agent, preview_agents));
}

Answer *
visitor_preview_page(void)
{
	Answer *answer = answer_new(200);

	answer_text(answer, "text/html; charset=utf-8",
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>A notebook that answers at its "
		"URL</title></head>\n<body><p>Open this link to run the "
		"notebook.</p></body>\n</html>\n");
	return answer;
}
