# man: the manual pages.
dist_man_MANS += \
	man/nbhook.1 \
	man/nbhook-exec.1 \
	man/nbhook.conf.5 \
	man/nbhook-http.7 \
	man/nbhook-runner.8 \
	man/nbhook-status.7 \
	man/nbhookd.8
