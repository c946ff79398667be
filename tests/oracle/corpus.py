"""The notebooks that nbclient and nbhook exec play alike, by name: one for each thing that a client can get
wrong. A notebook is a list of cells; text is a code cell."""

from __future__ import annotations

from typing import Any


def code(source: Any, *tags: str, **members: Any) -> dict:
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [],
            "execution_count": None, **members}


def text(kind: str, source: Any, **members: Any) -> dict:
    return {"cell_type": kind, "metadata": {}, "source": source, **members}


def stale(name: str = "an earlier run") -> dict:
    return {"execution_count": 77,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": [name + "\n"]},
                        {"output_type": "execute_result", "execution_count": 77, "metadata": {},
                         "data": {"text/plain": ["1"], "text/html": ["<b>\n", "</b>"]}}]}


def notebook(cells: list[Any], minor: int = 4, kernel: str = "python3", language: str = "python",
             **metadata: Any) -> dict:
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    if minor >= 5:
        made = [{"id": f"cell-{index}", **cell} for index, cell in enumerate(made)]
    return {"cells": made, "nbformat": 4, "nbformat_minor": minor,
            "metadata": {"kernelspec": {"name": kernel, "language": language, "display_name": kernel},
                         **metadata}}


def fails(source: str) -> dict:
    return code(source, "raises-exception")


FORMAT_3 = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [{
    "metadata": {}, "cells": [
        {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["A heading"]},
        {"cell_type": "markdown", "metadata": {}, "source": ["text\n", "more"]},
        {"cell_type": "code", "collapsed": False, "input": ["print('three')\n", "6*7"],
         "language": "python", "metadata": {}, "prompt_number": 3, "outputs": [
             {"output_type": "pyout", "prompt_number": 3, "text": ["42"], "metadata": {}},
             {"output_type": "stream", "stream": "stdout", "text": "old\n"}]},
        {"cell_type": "code", "collapsed": True, "input": "", "language": "python", "metadata": {},
         "outputs": [{"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]}]},
        {"cell_type": "raw", "metadata": {}, "source": "raw"}]}]}

PNG = ("import base64; PNG = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
       "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')\n")

# Widgets as ipywidgets 8 makes them, with ipykernel's comms.
WIDGETS = """
from ipykernel.comm import Comm
class W:
    def __init__(self, model, module='@jupyter-widgets/controls', **state):
        self.outputs = ()
        self.comm = Comm('jupyter.widget', data={'state': {'_model_name': model, '_model_module': module,
            '_model_module_version': '2.0.0', **state}, 'buffer_paths': []}, metadata={'version': '2.1.0'})
        self.comm.on_msg(self.take)
    def take(self, message):
        self.outputs = message['content']['data']['state'].get('outputs')
    def set(self, **state):
        self.comm.send({'method': 'update', 'state': state, 'buffer_paths': []})
class Out(W):
    def __init__(self):
        super().__init__('OutputModel', '@jupyter-widgets/output', msg_id='', outputs=[])
    def __enter__(self):
        self.set(msg_id=get_ipython().kernel.get_parent()['header']['msg_id'])
    def __exit__(self, *error):
        import sys; sys.stdout.flush(); sys.stderr.flush()
        self.set(msg_id='')
def show(widget):
    display({'text/plain': 'W()', 'application/vnd.jupyter.widget-view+json': {
        'model_id': widget.comm.comm_id, 'version_major': 2, 'version_minor': 0}}, raw=True)
"""

# What ipykernel plays.
PYTHON: dict[str, Any] = {
    # tags, and cells that are passed over
    "skip-execution": ["print(1)", code("boom", "skip-execution"), "print(2)"],
    "skip-execution keeps its outputs": ["1", code("boom", "skip-execution", **stale()), "2"],
    "blank cells": ["print(1)", "", "  \n\t", code(" ", **stale()), "\x0b\x1c\x85\u3000", "2"],
    "only a comment": ["1", "# nothing", "2"],
    "outputs are cleared first": [code("pass", **stale()), code("print(1)", **stale())],
    "raises-exception": [fails("1/0"), "print('on')", fails("raise SystemExit(3)"), "print('further')"],
    "an error ends it": ["print(1)", "def f():\n    raise ValueError('no')\nf()", "print('never')"],
    "other tags": [code("1", "hide-input", "parameters"), code("2", "remove-cell")],
    "cells of unknown types": ["1", text("heading", "old", level=2), text("of the future", ["a\n", "b"], new={"a": 1}), "2"],
    "text cells": [text("markdown", "# A\n\ntext"), text("raw", "raw"), "1", text("markdown", "")],
    "no cells": [],
    "only text": [text("markdown", "# A")],
    # streams
    "streams are joined": ["for i in range(300):\n    print(i)", "import sys\nprint(1, flush=True)\n"
                           "print(2, flush=True)"],
    "stdout and stderr in turns": ["import sys\nfor i in range(40):\n    print(i)\n"
                                   "    print(-i, file=sys.stderr)"],
    "streams around a display": ["print('a'); display('b'); print('c'); print('d')"],
    "no newline at the end": ["print('a', end='')", "import sys; sys.stdout.write('b'); sys.stderr.write('c')"],
    "nothing printed": ["print('', end='')", "import sys; sys.stdout.flush(); sys.stdout.write('')"],
    "empty lines": ["print()\nprint()\nprint('\\n\\n')"],
    "carriage returns": ["import sys, time\nfor i in range(5):\n    sys.stdout.write(f'\\r{i*20}%')\n"
                         "    sys.stdout.flush(); time.sleep(0.01)\nprint()", "print('a\\rb\\r\\nc\\x08d')"],
    "progress on stderr": ["import sys, time\nfor i in range(11):\n"
                           "    print('\\r%3d%%|%-10s|' % (i * 10, '#' * i), end='', file=sys.stderr, flush=True)\n"
                           "    time.sleep(0.01)"],
    "ansi": ["print('\\x1b[31mred\\x1b[0m \\x1b[1;4mbold\\x1b[m \\x1b]0;title\\x07')"],
    "control characters": ["print(''.join(map(chr, range(32))) + '\\x7f\\x80\\x9f')"],
    "unicode": ["print('Zürich 日本語 \\U0001F600 \\U0010FFFF \\u202e \\ufeff \\u2028 \\u0085')",
                "'\\U0001F469\\u200D\\U0001F52C'", "𝔘𝔫𝔦 = 5; Ω = 𝔘𝔫𝔦; Ω"],
    "broken unicode": ["print('a\\udcffb')", "print('\\udce2\\udc82 \\udcf0\\udc9f\\udc98 \\udcc0\\udc80x')"],
    "a nul": ["print('a\\0b')", "'a\\0b'", "display({'text/plain': 'x\\0y'}, raw=True)"],
    "long lines": ["print('x' * 300000)", "'y' * 50000"],
    "many lines": ["for i in range(20000): print(i)"],
    "file descriptors": ["import os, time; os.write(1, b'to fd 1\\n'); time.sleep(1); os.write(2, b'to fd 2\\n'); time.sleep(1)",
                         "os.write(1, b'\\xff\\xfe broken\\n'); time.sleep(1)"],
    "C prints": ["import ctypes; c = ctypes.CDLL(None); c.puts(b'from C'); c.fflush(None); import time; time.sleep(1)"],
    "subprocesses": ["import subprocess, sys\nsubprocess.run(['echo', 'a child'])\n"
                     "import time; time.sleep(1)",
                     "subprocess.run([sys.executable, '-c', 'print(1)']); time.sleep(1)"],
    "warnings": ["import warnings; warnings.warn('careful')", "warnings.warn('old', DeprecationWarning)"],
    "logging": ["import logging, sys\nlogging.basicConfig(level='INFO', format='%(levelname)s %(message)s')\n"
                "logging.info('one'); logging.warning('two')"],
    "print to the real streams": ["import sys, time; print('x', file=sys.__stdout__, flush=True); time.sleep(1)",
                                  "print('y', file=sys.__stderr__, flush=True); time.sleep(1)"],
    "signals": ["import signal, subprocess\nprint(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))",
                "print([(s.name, signal.getsignal(s)) for s in signal.Signals if signal.getsignal(s) != 0])",
                "got = []\nsignal.signal(signal.SIGCHLD, lambda *_: got.append(1))\n"
                "subprocess.run(['true'])\nprint(got)"],
    "threads": ["import threading\ndef f(n):\n    print('thread', n)\nfor n in range(3):\n"
                "    t = threading.Thread(target=f, args=(n,)); t.start(); t.join()"],
    "a thread across cells": ["import threading, time\ngo = threading.Event(); done = threading.Event()\n"
                              "def f():\n    go.wait(); print('from the thread'); done.set()\n"
                              "threading.Thread(target=f).start(); print('started')",
                              "go.set(); done.wait(); print('joined')"],
    "multiprocessing": ["import multiprocessing as m\ndef f(x): return x * x\n"
                        "with m.get_context('fork').Pool(2) as p: print(p.map(f, [1, 2, 3]))"],
    # displays
    "display ids": ["h = display('one', display_id=True); h.update('two')",
                    "h.update('three')", "display('again', display_id=h.display_id)", "h.update('all')"],
    "update_display across cells": [
        "display('a', display_id='x'); display('b', display_id='y')",
        "from IPython.display import update_display\nupdate_display('c', display_id='x')",
        "update_display('nobody', display_id='z')", "display('d', display_id='x'); display('e', display_id='x')",
        "update_display({'text/plain': 'raw', 'text/html': '<i>'}, display_id='x', raw=True,"
        " metadata={'k': {'v': 1}})"],
    "display ids after a clear": [
        "from IPython.display import *\nh = display('one', display_id='x'); clear_output(); print('rest')",
        "update_display('two', display_id='x')", "display('three', display_id='x')"],
    "clear_output": ["from IPython.display import clear_output\nprint('a'); clear_output(); print('b')",
                     "display('a'); clear_output(); clear_output()", "clear_output(); print('c')"],
    "clear_output(wait)": [
        "from IPython.display import clear_output\nprint('a'); clear_output(wait=True); print('b')",
        "print('a'); clear_output(wait=True)", "for i in range(9):\n    clear_output(wait=True); print(i)",
        "print('a'); clear_output(wait=True); display('b')", "print('a'); clear_output(True); 1/0"],
    "clear_output(wait), then now": ["from IPython.display import clear_output\nprint('a')\n"
                                     "clear_output(wait=True); clear_output(); print('b'); print('c')"],
    "clear_output, waiting for the next cell": ["from IPython.display import clear_output\nprint('a')\n"
                                                "clear_output(wait=True)", "print('b')"],
    "execute results": ["1", "None", "'text'", "1;", "_ , _1", "(1,\n 2)", "x = 3\nx"],
    "all expressions": ["from IPython.core.interactiveshell import InteractiveShell as S\n"
                        "S.ast_node_interactivity = 'all'", "1\n2\n3"],
    "metadata of displays": ["display('x', metadata={'text/plain': {'k': [1, None]}, 'top': True})",
                             "from IPython.display import Image\n" + PNG +
                             "display(Image(PNG, width=10, unconfined=True))"],
    "every MIME type": [
        "display({'text/plain': 'p', 'text/html': '<b>\\n</b>', 'text/markdown': '# m\\nx', 'text/latex': '$x$',\n"
        "'image/svg+xml': '<svg>\\n</svg>', 'image/png': 'aGk=', 'image/jpeg': 'aGk=', 'image/gif': 'aGk=',\n"
        "'application/pdf': 'aGk=', 'application/javascript': '1;\\n2;', 'application/json': {'a': [1, 2.5]},\n"
        "'application/vnd.x+json': {'b': None}, 'application/vnd.x.v1': 'text\\nlines', 'text/x-odd': 'a\\r\\nb'},"
        " raw=True)"],
    "rich objects": ["from IPython.display import *\ndisplay(HTML('<b>'), SVG('<svg/>'), Latex('$x$'), Math('x'),"
                     " Markdown('*m*'), JSON({'a': 1}, expanded=True), Javascript('1'), GeoJSON({'type': 'x'}))",
                     "import numpy; Audio(numpy.zeros(8), rate=8000, normalize=False)",
                     "display(FileLink('/nonexistent'), IFrame('http://h', 1, 2), YouTubeVideo('x'))",
                     "display(Code('x = 1', language='python'), Pretty('p'), ProgressBar(3))"],
    "images": ["from IPython.display import Image\n" + PNG + "Image(PNG)", "Image(url='http://h/x.png')",
               "display(Image(PNG, metadata={'alt': 'x'}))"],
    "cell magics of types": ["%%html\n<b>x</b>", "%%javascript\nalert(1)", "%%latex\n$x$", "%%markdown\n# m",
                             "%%svg\n<svg></svg>"],
    "pandas": ["import pandas as pd, numpy as np\npd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': [np.nan, 1e300]})",
               "pd.Series([1, 2])", "pd.DataFrame({'t': pd.date_range('2020', periods=2)}).style",
               "print(pd.DataFrame({'a': range(100)}))"],
    "matplotlib": ["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3])",
                   "fig, ax = plt.subplots(figsize=(1, 1)); ax.bar([1], [2]); plt.show()",
                   "fig", "%config InlineBackend.figure_formats = ['png', 'svg']\nplt.plot([1]); None"],
    "matplotlib without magic": ["import matplotlib.pyplot as plt\nplt.plot([3, 1]); plt.title('t')"],
    "wide frames": ["import pandas as pd\nprint(pd.DataFrame({f'column_{i}': [1.5] for i in range(12)}))",
                    "pd.DataFrame([range(25)])",
                    "pd.get_option('display.max_columns'), pd.get_option('display.encoding')"],
    "settings of matplotlib": ["open('matplotlibrc', 'w').write('lines.linewidth: 7\\ntimezone: Europe/Berlin\\n')",
                               "import matplotlib as m\nm.rcParams['lines.linewidth'], m.rcParams['timezone'], "
                               "m.rcParamsOrig['lines.linewidth'], m.rcParams['image.cmap'], m.rcParams['backend']",
                               "import matplotlib.pyplot as plt\nplt.plot([1, 3]); None"],
    "styles of matplotlib": ["import matplotlib, os\nd = matplotlib.get_configdir() + '/stylelib'; os.makedirs(d)\n"
                             "open(d + '/mine.mplstyle', 'w').write('lines.linewidth: 9')\n"
                             "import matplotlib.pyplot as plt; plt.style.use('mine'); plt.rcParams['lines.linewidth']"],
    "matplotlib without a screen": ["import os; os.environ['MPLBACKEND'] = 'Agg'\nimport matplotlib.pyplot as plt\n"
                                    "plt.plot([1, 2]); None", "plt.get_fignums(), plt.get_backend()"],
    "matplotlib of a desk": ["import matplotlib; matplotlib.use('TkAgg')",
                             "%matplotlib inline\nfrom matplotlib import pyplot as plt\nplt.plot([1, 2]); None"],
    "matplotlib in parts": ["from matplotlib.figure import Figure\nFigure(figsize=(1, 1))", "import pickle, sys\n"
                            "type(pickle.loads(pickle.dumps(Figure()))).__module__", "'matplotlib.pyplot' in sys.modules",
                            "import matplotlib.pyplot, importlib.util\n'matplotlib.pyplot' in sys.modules",
                            "matplotlib.pyplot.__spec__.name, importlib.util.find_spec('matplotlib').has_location",
                            "import importlib, inspect; inspect.getsource(matplotlib.pyplot.figure)[:3]",
                            "importlib.reload(matplotlib.cbook).__name__", fails("import matplotlib.nothing")],
    "a matplotlib of one's own": ["import os; os.mkdir('matplotlib')\nopen('matplotlib/__init__.py', 'w').write('mine = 5')",
                                  "import matplotlib; matplotlib.mine", fails("import matplotlib.pyplot")],
    "matplotlib without pyplot": ["from matplotlib.figure import Figure\nimport io\nfigure = Figure()\n"
                                  "axes = figure.subplots()\naxes.imshow([[1, 2], [3, 4]])\naxes.plot([0, 1], label='a')\n"
                                  "axes.legend()\nfor kind in ('png', 'svg', 'pdf'):\n"
                                  "    figure.savefig(io.BytesIO(), format=kind, bbox_inches='tight')",
                                  "import matplotlib.style; matplotlib.style.core.__name__",
                                  "import matplotlib.axes; matplotlib.axes._axes.__name__, matplotlib.artist.__name__",
                                  "import matplotlib.dates; matplotlib.units.__name__"],
    "the encoding of pandas": ["import pandas as pd; pd.describe_option('display.encoding')", "pd.reset_option('display.encoding')",
                               "pd.get_option('display.encoding')"],
    "the seed": ["import numpy as np; state = np.random.get_state(); state[0], state[1][0], state[2:]", "len(set(np.random.rand(100)))"],
    "the order of the environment": ["import os; names = list(os.environ)", "names.index('PAGER') > names.index('PATH')"],
    "caches of packages": ["import jedi, os, parso.cache\ncaches = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')",
                           "jedi.settings.cache_directory == os.path.join(caches, 'jedi')",
                           "str(parso.cache._default_cache_path) == os.path.join(caches, 'parso')"],
    "garbage": ["import gc; n = gc.collect()", "gc.collect()", "gc.collect()"],
    "a module of one's own": ["%%writefile secrets.py\nTOKEN = 'mine'", "import secrets; secrets.TOKEN",
                              "import sys; print(secrets.__spec__.origin, sys.modules['secrets'] is secrets)"],
    "modules that were hidden": ["import secrets, tarfile, pickle, inspect, sys\nlen(secrets.token_hex()), sys.modules['secrets'] is secrets",
                                 "inspect.getsource(secrets.token_hex)[:13], secrets.__spec__.loader, secrets.__spec__.origin",
                                 "pickle.loads(pickle.dumps(tarfile.TarInfo)) is tarfile.TarInfo",
                                 "import importlib; importlib.reload(secrets).__name__, importlib.util.find_spec('tarfile').origin",
                                 "import numpy, secrets as again; again is secrets"],
    "loggers that are switched off": ["import logging.config\nlogging.config.dictConfig({'version': 1})\n"
                                      "import matplotlib.pyplot as plt; plt.title('x', fontfamily='Nope'); None"],
    "a home": ["import os\n%cd -q\nos.getcwd() == os.path.expanduser('~')", "import matplotlib\nos.path.realpath("
               "os.environ.get('MPLCONFIGDIR', matplotlib.get_configdir())) == os.path.realpath(matplotlib.get_configdir())",
               "import site; site.getusersitepackages().startswith(os.path.expanduser('~'))"],
    "precision": ["import numpy as np\n%precision 3\nnp.float64(3.14159), 2.71828", "np.float64(3.14159)"],
    "a process of its own": ["import os, threading\nthreading.main_thread().native_id == threading.get_native_id()",
                             "os.path.exists(get_ipython().config['IPKernelApp']['connection_file'])",
                             "os.environ.get('PYDEVD_USE_FRAME_EVAL')",
                             "import logging, time; 0 <= time.time() - logging._startTime < 60"],
    "numbers": ["display({'application/json': {'big': 10**40, 'neg': -2**70, 'f': 0.1, 'e': 1e300, 'tiny': 5e-324,"
                " 'z': -0.0, 'i': 2**53 + 1, 'u': 2**64 - 1}}, raw=True, metadata={'n': 2**80})",
                "2**200", "print(1e16, 1.0)"],
    "nan": ["display({'application/json': {'a': float('nan'), 'b': [float('inf'), -float('inf')]},"
            " 'text/plain': 'x'}, raw=True)", "float('nan')"],
    "odd bundles": ["display({'application/json': 'text'}, raw=True)", "display({'application/json': None}, raw=True)",
                    "display({'application/x+json': [[[]]], 'text/plain': ''}, raw=True)", "display({}, raw=True)"],
    "repr_mimebundle": ["class A:\n    def _repr_mimebundle_(self, **k):\n"
                        "        return {'text/html': 'a', 'text/plain': 'b'}, {'text/html': {'m': 1}}\nA()",
                        "class B:\n    def _repr_mimebundle_(self, **k):\n        raise ValueError('odd')\nB()",
                        "class C:\n    def _repr_html_(self):\n        1/0\nC()",
                        "class D:\n    def __repr__(self):\n        raise KeyError('r')\nD()"],
    "transient": ["from IPython.display import publish_display_data\n"
                  "publish_display_data({'text/plain': 'x'}, transient={'display_id': 'q', 'other': 1})",
                  "publish_display_data({'text/plain': 'y'}, transient={'display_id': 'q'}, update=True)"],
    "progress bars": ["from IPython.display import ProgressBar, display\nfor i in ProgressBar(4): print(i)"],
    # errors
    "tracebacks": [fails("def f(x):\n    return g(x)\ndef g(x):\n    raise ValueError('deep')\nf(1)")],
    "syntax errors": [fails("x = = 1"), fails("def f(:\n  pass"), fails("  x = 1\n y = 2"), fails("'unfinished")],
    "nested exceptions": [fails("try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e"),
                          fails("try:\n    1/0\nexcept Exception:\n    raise TypeError")],
    "exception groups": [fails("raise ExceptionGroup('g', [ValueError(1), ExceptionGroup('h', [KeyError('k')])])")],
    "odd exceptions": [fails("class E(Exception): pass\nraise E"), fails("raise ValueError"), fails("raise E(5, None)"),
                       fails("raise E('x' * 20000)"), fails("raise E('a\\nb\\x1b[31m\\0 \\U0001F600')"),
                       # None whose own __str__ raises: IPython then shows a piece of the class in 7 of 20 runs of
                       # nbclient and the line alone in the others.
                       fails("class F(Exception):\n    def __str__(self): return ''\nraise F('hidden')")],
    "exceptions with other tracebacks": [fails("class R(Exception):\n    def _render_traceback_(self):\n"
                                               "        return ['one', 'two']\nraise R('x')"),
                                         fails("raise StopIteration"), fails("raise GeneratorExit"),
                                         fails("raise BaseException('base')")],
    "KeyboardInterrupt": [fails("raise KeyboardInterrupt"), fails("raise KeyboardInterrupt('why')"), "print('on')"],
    "KeyboardInterrupt ends it": ["raise KeyboardInterrupt", "print('never')"],
    "SystemExit": [fails("raise SystemExit"), fails("import sys; sys.exit()"), fails("sys.exit(0)"),
                   fails("sys.exit('message')"), fails("raise SystemExit(None)"), "print('on')"],
    "sys.exit ends it": ["import sys\nprint(1)\nsys.exit(0)", "print('never')"],
    "exit in the last cell": ["print(1)", "print(2)\nexit()"],
    "exit that keeps the kernel": ["print(1)", "exit(keep_kernel=True)", "print(2)"],
    "quit in the last cell": ["print(1)", "quit"],
    "warnings as errors": [fails("import warnings\nwarnings.simplefilter('error'); warnings.warn('x')")],
    "assertions": [fails("assert 1 == 2, 'numbers'"), fails("assert False")],
    "recursion": [fails("def f(): f()\nf()")],
    "an error within a display": [fails("print('a'); display('b'); print('c')\nraise ValueError('d')")],
    "an error in a magic": [fails("%nosuchmagic"), fails("%%nosuchmagic\nx"), fails("%run nosuchfile.py"),
                            fails("%%bash\nexit 3")],
    "a kernel that ends itself": ["print(1)", "import os, time\nprint('last', flush=True); time.sleep(0.5); os._exit(7)",
                                  "print('never')"],
    "a kernel that is killed": ["import os, time\ndisplay('last'); time.sleep(0.5); os.kill(os.getpid(), 9)", "2"],
    # IPython
    "top-level await": ["import asyncio\nawait asyncio.sleep(0.01)\nprint('slept')",
                        "async def f(): return 5\nawait f()", "async with asyncio.Lock(): print('locked')",
                        "t = asyncio.create_task(f()); await t", fails("await asyncio.wait_for(asyncio.sleep(5), 0.01)")],
    "magics": ["%%capture kept\nprint(1)\ndisplay(2)", "kept.stdout, len(kept.outputs)", "kept.show()", "%pwd\n1",
               "%precision 3\n3.14159", "%who", "%xmode Plain", fails("1/0"), "%alias", "%lsmagic;"],
    "time": ["%%time\nx = 1", "%time 5", "%timeit -n1 -r1 -q pass"],
    "bash": ["%%bash\necho one; echo two >&2; printf three", "%%sh\necho $((1+1))",
             "%%script --out o --err e bash\necho x; echo y >&2", "o, e", "%%python3\nprint('other')"],
    "shell commands": ["!echo from a shell", "x = !echo a; echo b\nx", "!false\n_exit_code", "!echo err >&2",
                       "!printf 'no end'", "!printf '\\033[31mred\\033[0m\\n'", "a = 'v'\n!echo $a {a} $$HOME | wc -l"],
    "help and pagers": ["len?", "?len", "%psource len", "len??", "print('on')"],
    "payloads": ["get_ipython().set_next_input('x = 1')", "%%writefile loaded.py\nprint('loaded')",
                 "%load loaded.py", "%run loaded.py", "get_ipython().payload_manager.write_payload({'source': 'odd'})"],
    "input": [fails("input('?')"), fails("import getpass; getpass.getpass()"), "print('on')"],
    "get_ipython": ["ip = get_ipython()\nip.run_cell('print(1)').success", "ip.ex('y = 3')\ny",
                    "type(ip).__name__", "ip.run_line_magic('pwd', ''); None", "ip.user_ns['In'][1]"],
    "execution counts": ["1", "get_ipython().execution_count = 50", "2", "%reset -f", "3", "In"],
    "reset": ["x = 1", "%reset -f", fails("x")],
    "history": ["a = 1", "%history -n", "_i1", "In[1]"],
    "autocall and transforms": ["%autocall 1", "int '5'", "def f(x): return x\n/f 5"],
    "semicolons and comments": ["1; # c", "1 # ;", "'#;'", "x = 5;"],
    "event hooks": ["def hook(*a): print('hook')\nget_ipython().events.register('pre_run_cell', hook)", "1",
                    "get_ipython().events.unregister('pre_run_cell', hook)", "2"],
    "changing folders": ["%mkdir sub\n%cd -q sub\nimport os; os.path.basename(os.getcwd())", "%cd -q ..\nos.listdir('sub')"],
    "stdout redirected": ["import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as s:\n"
                          "    print('kept')\ns.getvalue()", "import sys; sys.stdout.isatty(), sys.stdout.encoding"],
    "displayhook": ["import sys\nsys.displayhook(5)", "def show(x): print('shown', x)\n"
                    "get_ipython().display_formatter.format", "class A:\n    def _ipython_display_(self): print('own')\nA()"],
    "comms": ["from ipykernel.comm import Comm\nc = Comm('mine', data={'a': 1}); c.send({'state': {'x': 1}});"
              " c.send({'b': 2}); c.close()\nprint('sent')"],
    # widgets: what ipywidgets 8 says, as Debian's ipywidgets speaks a protocol that nbclient no longer knows
    "widgets": [WIDGETS + "s = W('IntSliderModel', value=5); show(s)", "s.set(value=7, text='x')",
                "b = W('ImageModel', width=3); b.comm.send({'method': 'update', 'state': {'format': 'png'},"
                " 'buffer_paths': [['value'], ['deep', 0]]}, buffers=[b'\\x00\\xff', b'abc'])",
                "b.comm.send({'method': 'update', 'state': {}, 'buffer_paths': [['value']]}, buffers=[b'new'])",
                "s.comm.close(); b.comm.send({'method': 'custom', 'content': {'x': 1}}); print('on')"],
    "widgets that are moved": [WIDGETS + "p = W('IntProgressModel', value=0); show(p)\n"
                               "for i in range(200): p.set(value=i)\nprint('done')"],
    "output widgets": [WIDGETS + "o = Out(); show(o)\nwith o:\n    print('in'); print('more'); display('rich')\n"
                       "print('out')", "o.outputs", "with o:\n    print('again')\n    import sys; print('e', file=sys.stderr)",
                       "o.outputs", "with o:\n    5", "1 + 1"],
    "output widgets cleared": [WIDGETS + "from IPython.display import clear_output\no = Out()\nwith o:\n"
                               "    print('a'); clear_output(); print('b')\nshow(o)",
                               "with o:\n    clear_output(wait=True); print('c')", "o.outputs",
                               "with o:\n    clear_output()", "o.outputs"],
    "output widgets nested": [WIDGETS + "o, p = Out(), Out()\nwith o:\n    print('o1')\n    with p:\n"
                              "        print('p')\n    print('o2')\nprint('none')", "o.outputs, p.outputs"],
    "displays in output widgets": [WIDGETS + "h = display('seen', display_id='d'); o = Out()\nwith o:\n"
                                   "    display('hidden', display_id='d'); h.update('new')", "h.update('last')", "o.outputs"],
    "errors in output widgets": [WIDGETS + "o = Out()\nwith o:\n    get_ipython().showtraceback((ValueError,"
                                 " ValueError('v'), None))\nprint('on')", "len(o.outputs)"],
    "a comm that is no widget": [WIDGETS + "c = Comm('own', data={'state': {'a': 1}}); c.send({'state': {'b': 2}})"],
    # files
    "nbformat 3": FORMAT_3,
    **{f"nbformat 4.{minor}": notebook([text("markdown", "m"), "1", "print(2)"], minor) for minor in range(6)},
    "no kernelspec": {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [code("1")]},
    "sources as lists": [code(["x = 1\n", "print(x)\n", "x"]), code([]), code([""]), text("markdown", ["a\n", "b"])],
    "other line ends": [code("x = 1\r\nprint(x)\r\nx"), code(["y = 2\r\n", "y"]), "'a\u2028b\u0085c'", "z = 1\rz"],
    "unknown members": notebook([code("1", odd={"deep": [1, {"a": None}]}), text("raw", "r", whim=5),
                                 {**code("2"), "metadata": {"x": {"y": 1}, "collapsed": True, "scrolled": "auto"}}],
                                whim={"a": [1, 2.50, 10**30, "x"]}, authors=[{"name": "Ada"}], title="t"),
    "old timing": [{**code("1"), "metadata": {"execution": {"iopub.status.busy": "x", "own": 1}}},
                   {**code("2", "skip-execution"), "metadata": {"tags": ["skip-execution"],
                                                                "execution": {"own": 1}}}],
    "attachments": [text("markdown", "![x](attachment:x.png)",
                         attachments={"x.png": {"image/png": "aGk=", "text/plain": ["a\n", "b"]}}), "1"],
    "numbers in metadata": notebook(["1"], n={"big": 12345678901234567890123, "f": 1e5, "e": 1.5e-7, "z": -0.0}),
    "nan in the file": notebook([code("1", "skip-execution", execution_count=1, outputs=[
        {"output_type": "display_data", "metadata": {"n": float("nan")}, "data": {
            "application/vnd.plotly.v1+json": {"y": [1.5, float("nan"), -float("inf")]}}}]), "2"],
        n=float("inf")),
    "stale widgets": notebook(["1"], widgets={"application/vnd.jupyter.widget-state+json": {
        "state": {}, "version_major": 2, "version_minor": 0}}),
    "stale language": notebook(["1"], language_info={"name": "julia", "whim": 1}),
    "many cells": [f"x{i} = {i}\nx{i}" for i in range(60)],
}

# A few on the other kernels of Debian.
R: dict[str, list[Any]] = {
    "R values": ["1 + 1", "x <- c(1, 2, 3)\nx", "NULL", "invisible(5)", "'text'", "TRUE", "list(a=1, b='x')"],
    "R streams": ["cat('a\\n'); cat('b'); message('m'); print('c')", "for (i in 1:50) cat(i, '\\n')", "warning('w')"],
    "R displays": ["data.frame(a=1:2, b=c('x', NA))", "matrix(1:4, 2)", "IRdisplay::display_html('<b>x</b>')",
                   "IRdisplay::display_markdown('# m')", "summary(c(1, 2, 10))", "function(x) x + 1"],
    "R errors": [fails("stop('no')"), fails("f <- function() g()\nf()"), fails("1 +* 2"), "print('on')"],
    "R error ends it": ["1", "stop('here')", "2"],
    "R unicode": ["cat('Zürich 日本 \\U1F600\\n')", "'é'"],
    "R clear_output": ["cat('a'); IRdisplay::clear_output(); cat('b')"],
    "R numbers": ["2^60", "1e-300", "c(NaN, Inf, NA)", "1:3 / 7"],
}

XPYTHON: dict[str, list[Any]] = {
    "xpython values": ["1 + 1", "'text'", "None", "x = 5\nx"],
    "xpython streams": ["print(1); print(2)", "import sys\nprint('e', file=sys.stderr)", "for i in range(100): print(i)"],
    "xpython displays": ["display('x')", "from IPython.display import HTML, clear_output\nHTML('<b>')",
                         "print('a'); clear_output(); print('b')"],
    "xpython errors": [fails("1/0"), fails("x = = 1"), "print('on')"],
    "xpython error ends it": ["1", "raise ValueError('v')", "2"],
    "xpython unicode": ["print('Zürich 日本 \\U0001F600')"],
    "xpython magics": ["%pwd\n1", "!echo shell", "%%bash\necho bash"],
    "xpython update": ["h = display('a', display_id=True)", "h.update('b')"],
}

NOTEBOOKS: dict[str, dict] = {
    **{name: cells if isinstance(cells, dict) else notebook(cells) for name, cells in PYTHON.items()},
    **{name: notebook(cells, kernel="ir", language="R") for name, cells in R.items()},
    **{name: notebook(cells, kernel="xpython", language="python") for name, cells in XPYTHON.items()},
}
