# tests/lint: the house rules. Each test shows first that its check can fail.
lint_tests = \
	tests/lint/test-calls.py \
	tests/lint/test-layers.py \
	tests/lint/test-length.py \
	tests/lint/test-manuals.py \
	tests/lint/test-settings.py \
	tests/lint/test-words.py

check_PROGRAMS += tests/lint/print-settings
TESTS += $(lint_tests)
EXTRA_DIST += $(lint_tests) tests/lint/lint.py
