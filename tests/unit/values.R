# Writes values so that nothing of them is lost: JSON of [type, …], numbers in hexadecimal, characters as code
# points. r_values.py reads it.

tell <- function(x) {
	if (is.null(x))
		return('["null"]')
	if (is.list(x)) {
		parts <- character(length(x))
		for (i in seq_along(x))
			parts[i] <- tell(x[[i]])
		parts <- paste(parts, collapse = ",")
		if (is.null(names(x)))
			return(paste0('["list",[', parts, "]]"))
		labels <- paste(vapply(names(x), tell, "", USE.NAMES = FALSE), collapse = ",")
		return(paste0('["named",[', labels, "],[", parts, "]]"))
	}
	if (length(x) != 1 || !is.null(attributes(x)))
		return('["strange"]')
	switch(typeof(x),
		logical = if (x) '["true"]' else '["false"]',
		integer = sprintf('["integer",%d]', x),
		double = sprintf('["double","%a"]', x),
		character = paste0('["text",[', paste(utf8ToInt(enc2utf8(x)), collapse = ","), "]]"),
		'["strange"]')
}
