# The module that notebooks import. Kernels get its folder by PYTHONPATH; below /usr and
# /usr/local Debian's Python finds it by itself. For a virtual environment: pip install --no-build-isolation ./python

naasdir = $(naaspythondir)/naas
dist_naas_DATA = \
	python/naas/__init__.py \
	python/naas/client.py \
	python/naas/environment.py \
	python/naas/errors.py \
	python/naas/locate.py \
	python/naas/offer.py \
	python/naas/respond.py \
	python/naas/show.py \
	python/naas/webhook.py

EXTRA_DIST += python/pyproject.toml
