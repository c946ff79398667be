# What to include in an nginx of one's own. The paths of sockets and state are those of nbhook.conf's
# defaults; nginx.conf.in and index.html are quickstart's, which fills in the templates itself.

nginxhttpdir = $(sysconfdir)/nginx/conf.d
nginxsnippetsdir = $(sysconfdir)/nginx/snippets
nginxhttp_DATA = nginx/nbhook-http.conf
nginxsnippets_DATA = nginx/nbhook-fastcgi.conf nginx/nbhook-site.conf
CLEANFILES += $(nginxhttp_DATA) $(nginxsnippets_DATA)
EXTRA_DIST += \
	nginx/index.html \
	nginx/nbhook-fastcgi.conf.in \
	nginx/nbhook-http.conf.in \
	nginx/nbhook-site.conf.in \
	nginx/nginx.conf.in

fill_nginx = $(MKDIR_P) $(@D) && $(SED) -e 's|@rundir[@]|/run/nbhook|' \
	-e 's|@statedir[@]|/var/lib/nbhook|' -e 's|@logdir[@]|/var/log/nginx|' \
	-e 's|@snippetsdir[@]|snippets|'

nginx/nbhook-fastcgi.conf: nginx/nbhook-fastcgi.conf.in Makefile
	$(AM_V_GEN)$(fill_nginx) $(srcdir)/$@.in > $@
nginx/nbhook-http.conf: nginx/nbhook-http.conf.in Makefile
	$(AM_V_GEN)$(fill_nginx) $(srcdir)/$@.in > $@
nginx/nbhook-site.conf: nginx/nbhook-site.conf.in Makefile
	$(AM_V_GEN)$(fill_nginx) $(srcdir)/$@.in > $@
