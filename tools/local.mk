# quickstart's Python; the system tests use its supervisor. Nothing of it is installed.

EXTRA_DIST += \
	tools/accounts.py \
	tools/building.py \
	tools/check.py \
	tools/files.py \
	tools/layout.py \
	tools/leftovers.py \
	tools/packages.py \
	tools/plan.py \
	tools/processes.py \
	tools/quickstart.py \
	tools/supervised.py \
	tools/supervisor.py \
	tools/welcome.py
