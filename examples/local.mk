# Notebooks to begin with; README says what each shows.

examplesdir = $(docdir)/examples
dist_examples_DATA = \
	examples/README \
	examples/fails.ipynb \
	examples/hello.ipynb \
	examples/kinds.ipynb \
	examples/sleeps.ipynb \
	examples/table.ipynb
