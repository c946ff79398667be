# The module that notebooks import. Below /usr and /usr/local Debian's Python finds it by itself. For a virtual
# environment: pip install --no-build-isolation ./python

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

# Kernels get it by PYTHONPATH, which comes before all else of theirs: it is alone there.
kernelpythondir = $(pkgdatadir)/python
kernelnaasdir = $(kernelpythondir)/naas
kernelnaas_DATA = $(dist_naas_DATA)

EXTRA_DIST += python/pyproject.toml
