# cgi-bin: nbhook.fcgi, a thin main over libnbhookweb.a; the only part that knows libfcgi.
noinst_LIBRARIES += libnbhookweb.a
libnbhookweb_a_SOURCES = \
	cgi-bin/accept.c cgi-bin/accept.h \
	cgi-bin/answer.c cgi-bin/answer.h \
	cgi-bin/auth.c cgi-bin/auth.h \
	cgi-bin/call.c cgi-bin/call.h \
	cgi-bin/cors.c cgi-bin/cors.h \
	cgi-bin/delivery.c cgi-bin/delivery.h \
	cgi-bin/field.c cgi-bin/field.h \
	cgi-bin/file_name.c cgi-bin/file_name.h \
	cgi-bin/jobs.c cgi-bin/jobs.h \
	cgi-bin/methods.c cgi-bin/methods.h \
	cgi-bin/mime_value.c cgi-bin/mime_value.h \
	cgi-bin/multipart.c cgi-bin/multipart.h \
	cgi-bin/outcome.c cgi-bin/outcome.h \
	cgi-bin/page.c cgi-bin/page.h \
	cgi-bin/page_text.c cgi-bin/page_text.h \
	cgi-bin/partial.c cgi-bin/partial.h \
	cgi-bin/prefer.c cgi-bin/prefer.h \
	cgi-bin/problem.c cgi-bin/problem.h \
	cgi-bin/published_file.c cgi-bin/published_file.h \
	cgi-bin/receive.c cgi-bin/receive.h \
	cgi-bin/routes.c cgi-bin/routes.h \
	cgi-bin/upload.c cgi-bin/upload.h \
	cgi-bin/visitor.c cgi-bin/visitor.h \
	cgi-bin/watch.c cgi-bin/watch.h \
	cgi-bin/web_request.c cgi-bin/web_request.h \
	cgi-bin/worker.c cgi-bin/worker.h

nblibexec_PROGRAMS += nbhook.fcgi
nbhook_fcgi_SOURCES = cgi-bin/main.c cgi-bin/server.c cgi-bin/server.h src/base/allocator.c
nbhook_fcgi_LDADD = libnbhookweb.a $(LDADD) $(FCGI_LIBS) $(JEMALLOC_LIBS)

web_tests = \
	tests/unit/test-answer \
	tests/unit/test-auth \
	tests/unit/test-delivery \
	tests/unit/test-field \
	tests/unit/test-multipart \
	tests/unit/test-page \
	tests/unit/test-partial \
	tests/unit/test-routes \
	tests/unit/test-upload \
	tests/unit/test-web-request
check_PROGRAMS += $(web_tests)
TESTS += $(web_tests)
WEB_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cgi-bin
WEB_TEST_LDADD = libnbhookweb.a $(LDADD)
tests_unit_test_answer_SOURCES = tests/unit/test-answer.c tests/unit/web-fake.h
tests_unit_test_answer_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_answer_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_auth_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_auth_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_delivery_SOURCES = tests/unit/test-delivery.c tests/unit/web-fake.h
tests_unit_test_delivery_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_delivery_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_field_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_field_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_multipart_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_multipart_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_page_SOURCES = tests/unit/test-page.c tests/unit/web-fake.h
tests_unit_test_page_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_page_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_partial_SOURCES = tests/unit/test-partial.c tests/unit/web-fake.h
tests_unit_test_partial_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_partial_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_routes_SOURCES = tests/unit/test-routes.c tests/unit/web-fake.h
tests_unit_test_routes_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_routes_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_upload_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_upload_LDADD = $(WEB_TEST_LDADD)
tests_unit_test_web_request_SOURCES = tests/unit/test-web-request.c tests/unit/web-fake.h
tests_unit_test_web_request_CPPFLAGS = $(WEB_TEST_CPPFLAGS)
tests_unit_test_web_request_LDADD = $(WEB_TEST_LDADD)
