/* page_text.h: the constant parts of the pages, which the policy names by their hashes. */
#pragma once

/* The look of all pages. */
extern const char page_style[];

/* Follows a run: asks for its status each second and goes to its results when it has ended. */
extern const char page_script[];
