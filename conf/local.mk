# Service units, accounts and folders. The paths of sockets and state are those of nbhook.conf's defaults.

sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d

dist_pkgdata_DATA = conf/status.schema.json
dist_sysusers_DATA = conf/sysusers.d/nbhook.conf
dist_tmpfiles_DATA = conf/tmpfiles.d/nbhook.conf
dist_systemdsystemunit_DATA = \
	conf/systemd/nbhook-admin.socket \
	conf/systemd/nbhook-api.socket \
	conf/systemd/nbhook-fcgi.socket \
	conf/systemd/nbhook-http.socket \
	conf/systemd/nbhook-runner.socket

services = \
	conf/systemd/nbhook-api@.service \
	conf/systemd/nbhook-fcgi@.service \
	conf/systemd/nbhook-runner.service \
	conf/systemd/nbhookd.service
systemdsystemunit_DATA = $(services)
CLEANFILES += $(services)
EXTRA_DIST += \
	conf/systemd/nbhook-api@.service.in \
	conf/systemd/nbhook-fcgi@.service.in \
	conf/systemd/nbhook-runner.service.in \
	conf/systemd/nbhookd.service.in

fill_service = $(MKDIR_P) $(@D) && $(SED) -e 's|@sbindir[@]|$(sbindir)|' \
	-e 's|@nblibexecdir[@]|$(nblibexecdir)|'

conf/systemd/nbhook-api@.service: conf/systemd/nbhook-api@.service.in Makefile
	$(AM_V_GEN)$(fill_service) $(srcdir)/$@.in > $@
conf/systemd/nbhook-fcgi@.service: conf/systemd/nbhook-fcgi@.service.in Makefile
	$(AM_V_GEN)$(fill_service) $(srcdir)/$@.in > $@
conf/systemd/nbhook-runner.service: conf/systemd/nbhook-runner.service.in Makefile
	$(AM_V_GEN)$(fill_service) $(srcdir)/$@.in > $@
conf/systemd/nbhookd.service: conf/systemd/nbhookd.service.in Makefile
	$(AM_V_GEN)$(fill_service) $(srcdir)/$@.in > $@

# An administrator's nbhook.conf stays as it is.
nbconfdir = $(sysconfdir)/nbhook
EXTRA_DIST += conf/nbhook.conf
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(nbconfdir)'
	test -e '$(DESTDIR)$(nbconfdir)/nbhook.conf' || \
		$(INSTALL_DATA) '$(srcdir)/conf/nbhook.conf' '$(DESTDIR)$(nbconfdir)/nbhook.conf'
uninstall-local:
	if cmp -s '$(srcdir)/conf/nbhook.conf' '$(DESTDIR)$(nbconfdir)/nbhook.conf'; then \
		rm -f '$(DESTDIR)$(nbconfdir)/nbhook.conf'; fi
