"""The fork server of one Python kernelspec, run by that kernelspec's own interpreter.

It imports ipykernel and the modules that it is told to preload, builds and warms IPython's shell, and then
makes kernels of itself: each order forks a keeper, which forks the kernel (src/keeper; the loop is src/keeper/serve.c).
nbhook-runner starts it with a description in $NBHOOK_FORK_SERVER and talks with it over one inherited socket; orders
come over sockets that the runner passes on, one a kernel, which the keeper inherits. So no notebook can reach it.

What must be true when it forks: one thread, no ZeroMQ context, no session, no event loop. A module that
would break this, or that raises, is left out: the program starts itself again without it.

Frames are those of src/base/frame.h. From here: {"event": "preloading", "module"}, {"event": "left_out",
"module", "reason"}, {"event": "ready", "modules", "folders", "copied": bytes}, {"event": "forked", "pid"},
{"event": "ended", "pid"}. To here: {"op": "serve"} with the socket of one order. The end of the runner is its own.

It is one file because interpreters of any kernelspec run it, with options that may keep them from finding another.
"""

import _thread
import array
import collections
import contextlib
import copy
import ctypes
import datetime
import dis
import fnmatch
import functools
import gc
import hmac
import importlib
import importlib.machinery
import importlib.util
import itertools
import json
import logging
import mmap
import os
import pathlib
import select
import shutil
import signal
import site
import socket
import stat
import struct
import sys
import tempfile
import threading
import time
import types

HEADER = struct.Struct(">IBBxx")
# OpenBLAS would start its threads while it is loaded; in the kernels they are given back.
THREAD_SETTING = "OPENBLAS_NUM_THREADS"
THREAD_SETTERS = ("openblas_set_num_threads", "openblas_set_num_threads64_",
                  "scipy_openblas_set_num_threads", "scipy_openblas_set_num_threads64_")
INLINE = "module://matplotlib_inline.backend_inline"


class Unfit(Exception):
    """A module that cannot be part of what is forked."""


class Sender(ctypes.Structure):
    """ForkSender of src/keeper/fork.h."""

    _fields_ = [("send", ctypes.c_void_p), ("socket", ctypes.c_void_p), ("busy", ctypes.c_int)]


class Arenas(ctypes.Structure):
    """PyObjectArenaAllocator of Python's C interface."""

    _fields_ = [("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]


class Library:
    """The C half. The interpreter's lock is kept during its calls: there is one thread."""

    def __init__(self, path):
        self.c = ctypes.PyDLL(path, use_errno=True)
        keeper = os.path.join(os.path.dirname(path), "nbhook-keeper")
        if not os.access(keeper, os.X_OK):
            raise FileNotFoundError(f"{keeper} is not there, or cannot be executed")
        self.keeper = os.fsencode(keeper)
        self.c.nbhook_fork_serve.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]
        self.c.nbhook_fork_serve.restype = ctypes.c_char_p
        self.c.nbhook_fork_copy.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self.c.nbhook_fork_copy.restype = None
        self.c.nbhook_fork_title.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.c.nbhook_fork_title.restype = None
        self.c.nbhook_fork_settle.restype = ctypes.c_bool
        self.c.nbhook_fork_send.argtypes = [ctypes.POINTER(Sender), ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self.c.nbhook_fork_send.restype = ctypes.c_bool
        self.c.nbhook_fork_fill_gaps.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.c.nbhook_fork_fill_gaps.restype = None
        self.c.nbhook_fork_share.argtypes = [ctypes.c_void_p]
        self.c.nbhook_fork_share.restype = None

    def settle(self):
        if not self.c.nbhook_fork_settle():
            raise OSError(ctypes.get_errno(), "prctl")

    def note_arenas(self):
        """From here on."""
        functions = [ctypes.cast(each, ctypes.c_void_p)
                     for each in (self.c.nbhook_fork_allocate_arena, self.c.nbhook_fork_free_arena)]
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(Arenas(None, *functions)))

    def fill_gaps(self):
        self.c.nbhook_fork_fill_gaps(*(ctypes.cast(each, ctypes.c_void_p) for each in (
            ctypes.pythonapi.PyObject_Malloc, ctypes.pythonapi.PyObject_Free)))

    def open_up(self):
        """Undoes a part of settle(): this process may be looked into."""
        if self.c.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")

    def serve(self, link, pages):
        """Makes kernels. Returns in each of them its words, and None at the runner's end."""
        spans, heap = spans_of(pages), heap_start()
        self.fill_gaps()
        ctypes.pythonapi.PyOS_BeforeFork()
        self.c.nbhook_fork_share(heap)
        words = self.c.nbhook_fork_serve(link, self.keeper, spans, len(pages))
        if words is None:
            os._exit(0)
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return json.loads(os.fsdecode(words))

    def copy(self, pages):
        self.c.nbhook_fork_copy(spans_of(pages), len(pages))

    def set_title(self, argv):
        text = b"\0".join(os.fsencode(word) for word in argv) + b"\0"
        self.c.nbhook_fork_title(text, len(text))


def spans_of(pages):
    """ForkSpan of src/keeper/fork.h."""
    return (ctypes.c_size_t * (2 * len(pages)))(*itertools.chain.from_iterable(pages))


class Link:
    """The connection to the runner."""

    def __init__(self, fd):
        self.socket = socket.socket(fileno=fd)
        os.set_inheritable(fd, True)  # for starting again; forks close it

    def send(self, **body):
        text = json.dumps(body).encode()
        self.socket.sendall(HEADER.pack(len(text), 1, 0) + text)


def n_threads():
    return len(os.listdir("/proc/self/task"))


def open_things():
    """The descriptors that a fork would lose: all but those of regular files."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += not stat.S_ISREG(os.fstat(int(name)).st_mode)
        except OSError:
            pass
    return count


def next_number_of_thread():
    """What the next thread is named by; None where the interpreter has another way."""
    if not hasattr(threading, "_counter"):
        return None
    number = threading._counter()
    number_next_thread(number)
    return number


def number_next_thread(number):
    if number is not None:
        threading._counter = itertools.count(number).__next__


def settle_threads():
    """Whether there is one thread; those that are about to end are waited for."""
    deadline = time.monotonic() + 1
    while n_threads() > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    return n_threads() == 1


def build_shell(options):
    """The shell as the kernel would build it, with the same configuration, warmed. The kernel's own
    constructor takes it over, because a process has one shell."""
    from IPython.core.application import BaseIPythonApplication
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.utils.importstring import import_item

    further = {}
    try:
        from ipykernel.compiler import XCachingCompiler
        further["compiler_class"] = XCachingCompiler
    except ImportError:
        pass
    app = IPKernelApp.instance()
    BaseIPythonApplication.initialize(app, options)
    shell_class = app.kernel_class.shell_class.default_value
    if isinstance(shell_class, str):
        shell_class = import_item(shell_class)
    parsed = Parsed(app.cli_config, app.extra_args)
    shell = shell_class.instance(parent=app, profile_dir=app.profile_dir, user_module=None, user_ns=None,
                                 **further)
    shell.run_cell("pass", store_history=False, silent=True)
    # Once: what is called often is compiled in a way that tracebacks show less of.
    shell.display_formatter.format(1)
    IPKernelApp.clear_instance()
    return shell, parsed


def know_numpy(shell):
    """What is shown first decides which types are printed in a way of their own; numpy's are if it is there."""
    printers = shell.display_formatter.formatters["text/plain"]
    for kind, printer in getattr(printers, "_type_printers_default", dict)().items():
        printers.type_printers.setdefault(kind, printer)


class Parsed:
    """What a kernel's command line says, but for its connection file: to parse it takes a quarter of the time
    that a kernel needs to start."""

    def __init__(self, config, extra):
        self.config, self.extra = config, extra

    def give(self, app, argv):
        """Instead of app.parse_command_line; whether the words are such."""
        if argv.count("-f") != 1 or argv[-1] == "-f":
            return False
        config = copy.deepcopy(self.config)
        config.IPKernelApp.connection_file = argv[argv.index("-f") + 1]

        def parse_command_line(ignored=None):
            app.argv = list(argv)
            app.cli_config = config
            app.update_config(config)
            app.extra_args = list(self.extra)

        app.parse_command_line = parse_command_line
        return True


# What a kernel imports when it starts, or for its first cell.
LATE_IMPORTS = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.connect",
                "zmq.eventloop.zmqstream", "tornado.platform.asyncio", "jupyter_client.session",
                "IPython.core.completerlib", "IPython.core.pylabtools", "IPython.extensions.storemagic",
                "faulthandler", "naas")


def import_late():
    for name in LATE_IMPORTS:
        try:
            importlib.import_module(name)
        except Exception:
            pass


def warm_pandas(pandas):
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": ["x", "y"]})
    frame._repr_html_()
    repr(frame)
    frame.to_json()
    frame.to_csv()
    frame.describe()
    know_encoding(pandas, "UTF-8")


def know_encoding(pandas, name):
    """The one of ipykernel's streams, where pandas looks when it is imported."""
    pandas.set_option("display.encoding", name)
    with contextlib.suppress(Exception):  # its default, which is nobody else's business
        options = importlib.import_module("pandas._config.config")._registered_options
        options["display.encoding"] = options["display.encoding"]._replace(defval=name)


def warm_matplotlib(matplotlib):
    """Draws without pyplot, whose state belongs to the notebook."""
    import io
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([1, 2, 3], label="a")
    axes.set_title("a")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")


# What these modules do late, too.
WARMERS = {"pandas": warm_pandas, "matplotlib": warm_matplotlib}


def forget_answer(function):
    """matplotlib remembers what such a function gave the first time."""
    function.__closure__[function.__code__.co_freevars.index("called")].cell_contents = False


def users_fonts():
    """The folders that matplotlib looks into for a user's own fonts, those that there are."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return [path for path in (os.path.join(data, "fonts"), os.path.expanduser("~/.fonts")) if os.path.isdir(path)]


def renewers_of_matplotlib():
    """Functions that do again what the imports of its modules did, as far as that depends on variables, folders and
    files of the user's; by the names of the modules."""
    matplotlib, style, fonts, tex = (importlib.import_module(f"matplotlib{name}")
                                     for name in ("", ".style.core", ".font_manager", ".texmanager"))
    file = matplotlib.matplotlib_fname()
    defaults, original, current = matplotlib.rcParamsDefault, matplotlib.rcParamsOrig, matplotlib.rcParams

    def renew_settings():
        forget_answer(matplotlib.get_configdir)
        forget_answer(matplotlib.get_cachedir)
        for name, logger in logging.root.manager.loggerDict.items():
            if name.partition(".")[0] == "matplotlib" and getattr(logger, "disabled", False):
                logger.disabled = False
        if matplotlib.matplotlib_fname() != file:
            settings = matplotlib.rc_params_from_file(matplotlib.matplotlib_fname(), use_default_template=False)
            for each in (original, current):
                dict.update(each, dict.items(defaults))
                dict.update(each, dict.items(settings))
        backend = os.environ.get("MPLBACKEND") or dict.get(original, "backend")
        if dict.get(current, "backend") != backend:
            current["backend"] = backend

    def renew_styles():
        style.USER_LIBRARY_PATHS[:] = [os.path.join(matplotlib.get_configdir(), "stylelib")]
        if os.path.isdir(style.USER_LIBRARY_PATHS[0]):
            style.reload_library()

    def renew_fonts():
        cache = os.path.join(matplotlib.get_cachedir(), f"fontlist-v{fonts.FontManager.__version__}.json")
        if not os.path.exists(cache):
            threading.Thread()  # one would have waited whether this takes long, and have a number
        folders = users_fonts()
        for path in fonts.findSystemFonts(folders) if folders else []:
            with contextlib.suppress(Exception):  # one that is broken is left out, as by the import
                fonts.fontManager.addfont(path)

    def renew_tex():
        tex.TexManager.texcache = os.path.join(matplotlib.get_cachedir(), "tex.cache")

    return {"matplotlib": renew_settings, "matplotlib.style.core": renew_styles, "matplotlib.font_manager": renew_fonts,
            "matplotlib.texmanager": renew_tex}


# Packages whose import depends on what a notebook has done before, and how that is made up for; the modules that are
# imported first, one after the other, to learn which others each brings along.
RENEWERS = {"matplotlib": (renewers_of_matplotlib, ("matplotlib", "matplotlib.pyplot"))}


class FirstImports:
    """A finder of modules (importlib.abc.MetaPathFinder) that have been imported but are not to be seen in sys.modules
    until a notebook imports them."""

    def __init__(self):
        self.modules = {}   # by name
        self.together = {}  # the names that the import of a module brings along, by its name
        self.renew = {}     # what else the import of a module has to do

    def load(self, package):
        """Imports a package, and hides it later with hide()."""
        together = {}
        for name in RENEWERS[package][1]:
            before = set(sys.modules)
            importlib.import_module(name)
            together[name] = [each for each in sys.modules if each not in before]
        return together

    def hide(self, package, together):
        renewers = RENEWERS[package][0]()
        for renew in renewers.values():  # a version of the package that is not known fails here
            renew()
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            self.modules[name] = sys.modules.pop(name)
        self.together.update(together)
        self.renew.update(renewers)
        self.find()

    def hide_single(self, seen):
        """Hides what is of Python's own library, no package, and was imported beside the names in seen. A notebook may
        have a file of such a name (secrets, which numpy imports), and a kernel that had not imported it would find it."""
        for name in getattr(sys, "stdlib_module_names", set()) & sys.modules.keys() - seen:
            spec = getattr(sys.modules[name], "__spec__", None)
            if isinstance(spec, importlib.machinery.ModuleSpec) and spec.has_location and not spec.parent:
                self.modules[name] = sys.modules.pop(name)
        self.find()

    def find(self):
        """From here on, when others have not found a module, and folders are not yet looked into."""
        if self not in sys.meta_path:
            sys.meta_path.insert(sys.meta_path.index(importlib.machinery.PathFinder), self)

    def find_spec(self, name, path=None, target=None):
        module = self.modules.get(name)
        if module is None or (path is None and self.is_another(name, module)):
            return None
        spec = copy.copy(module.__spec__)
        spec.loader = FirstImport(self, module)
        return spec

    def is_another(self, name, module):
        """Whether that name, which is in no package, is found elsewhere now; then what is found counts."""
        found = importlib.machinery.PathFinder.find_spec(name)
        if found is not None and found.origin == module.__spec__.origin:
            return False
        for each in [each for each in self.modules if each.partition(".")[0] == name]:
            del self.modules[each]
        return True

    def give(self, name):
        """A module is in sys.modules again."""
        self.modules.pop(name, None)
        others = [other for other in self.together.get(name, ()) if other in self.modules]
        for other in others:
            sys.modules[other] = self.modules.pop(other)
        for each in (name, *others):
            if each in self.renew:
                self.renew[each]()

    def settle(self):
        """In a kernel: what other modules have imported is seen already, and renewed at once."""
        for name, renew in self.renew.items():
            if name in sys.modules:
                renew()


class FirstImport:
    """The loader of such a module (importlib.abc.Loader), for all else the one that loaded it."""

    def __init__(self, finder, module):
        self.finder, self.module, self.spec = finder, module, module.__spec__

    def __getattr__(self, name):
        return getattr(self.spec.loader, name)

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec
        self.finder.give(self.spec.name)


def thread_setters():
    """The functions that give threads back to what has been loaded of OpenBLAS."""
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(None, 5)[5].strip() for line in maps if "openblas" in line}
        libraries = [ctypes.CDLL(path) for path in paths]
    except OSError:
        return []
    return [getattr(library, name) for library in libraries for name in THREAD_SETTERS if hasattr(library, name)]


def load(name, first_imports):
    """Imports and warms a module, and hides it if its import by a notebook has more to do."""
    is_hidden = name in RENEWERS and name not in sys.modules
    together = first_imports.load(name) if is_hidden else {}
    module = importlib.import_module(name)
    WARMERS.get(name, lambda _: None)(module)
    if not is_hidden:
        return
    try:
        first_imports.hide(name, together)
    except Exception as error:
        print(f"notebooks cannot have their own settings of {name}: {error}", file=sys.stderr, flush=True)


def preload(names, left_out, optional, link, first_imports):
    """Imports modules. Unfit names the first that must not be there."""
    loaded = []
    for name in names:
        if name in left_out:
            continue
        link.send(event="preloading", module=name)
        before = open_things()
        try:
            load(name, first_imports)
        except ModuleNotFoundError as error:
            if error.name == name and "." not in name:
                if optional:
                    continue
                link.send(event="left_out", module=name, reason="it is not installed")
                continue
            raise Unfit(name, f"{type(error).__name__}: {error}")
        except BaseException as error:
            raise Unfit(name, f"{type(error).__name__}: {error}")
        if not settle_threads():
            raise Unfit(name, "it starts a thread")
        if open_things() > before:
            raise Unfit(name, "it keeps a socket or the like open")
        if any(context is not None and not context.closed for context in contexts()):
            raise Unfit(name, "it makes a ZeroMQ context")
        loaded.append(name)
    return loaded


def contexts():
    zmq = sys.modules.get("zmq")
    return [getattr(zmq.Context, "_instance", None)] if zmq is not None else []


def module_folders(hidden):
    """The folders in which a change means that what was imported is no longer what is installed."""
    folders = {path for path in sys.path if os.path.isdir(path)}
    for module in [*sys.modules.values(), *hidden]:
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            folders.add(os.path.dirname(path))
    return sorted(folders)


# ---- what a start costs ----
# Whatever a kernel looks at it also writes to, since the count of references changes, and each page that is written to
# is copied: a third of what a start copied was looked at for nothing. Nothing here changes what a start does, and when
# a notebook comes all is as it was.

def name_descriptors():
    """traitlets asks for all members of a class, for each object of it, to find its descriptors: tells it only these.
    Returns a function that undoes it."""
    from traitlets.traitlets import BaseDescriptor, HasDescriptors, MetaHasDescriptors

    known, waiting = {}, [HasDescriptors]
    while waiting:
        each = waiting.pop()
        if each in known:
            continue
        waiting += each.__subclasses__()
        known[each] = [name for name in dir(each) if isinstance(getattr(each, name, None), BaseDescriptor)]

    def __dir__(each):
        return known[each] if each in known else type.__dir__(each)

    def undo():
        del MetaHasDescriptors.__dir__
        return known  # what is freed is written to

    MetaHasDescriptors.__dir__ = __dir__
    return undo


def remember_modules():
    """IPython's application notes the names of all modules (for "%reset --aggressive"), and these are many: only
    what has been added since is looked at. Returns a function that undoes it."""
    from IPython.core import shellapp

    names = set(sys.modules)
    count = len(sys.modules)

    def noted(keys):
        names.update(itertools.islice(reversed(keys), max(0, len(keys) - count)))
        return names

    def undo():
        del shellapp.set

    shellapp.set = noted
    return undo


def remember_logging():
    """traitlets configures the application's logger whenever it looks at it; here only when that changes it."""
    from traitlets.config import application

    configure, last = application.dictConfig, []

    def dictConfig(config):
        if last != [config] or set(config["handlers"]) != {"console"}:
            last[:] = [copy.deepcopy(config)]
            configure(config)

    def undo():
        application.dictConfig = configure
        return last

    application.dictConfig = dictConfig
    return undo


def remember_answers(shell):
    """What a start asks for the first time: whether types are of abstract classes, what patterns of names mean, which
    digest signs messages."""
    from collections.abc import Mapping
    from IPython.core.interactiveshell import InteractiveShellABC

    for value in ({}, [], "", 0):
        isinstance(value, Mapping)
    isinstance(shell, InteractiveShellABC)
    for pattern in ("*.py", "*.ipy"):
        fnmatch.filter([""], pattern)
    hmac.new(b"", digestmod="sha256")


class Patches:
    """Changes of packages, as far as these are known."""

    def __init__(self):
        self.undoing = []

    def apply(self, patch, *arguments):
        """What the patch returns: a function that undoes it, where it is one for the time of a start only."""
        try:
            done = patch(*arguments)
        except Exception as error:
            print(f"kernels are slower than they could be: {patch.__name__}: {error}", file=sys.stderr, flush=True)
            return None
        if callable(done):
            self.undoing.append(done)
        return done

    def revert(self):
        for undo in self.undoing:
            undo()


# ---- what a cell costs ----
# ipykernel spends half of the time of a short cell on waiting: after each it flushes stdout and stderr twice, each time
# through its IOPub thread and back, and then sleeps, so that what threads, children and the descriptors 1 and 2 have to
# say comes before the end of the cell. Where nothing can have anything to say it need not wait.

SHORTCUT_PARTS = {"_events", "_master_pid", "_handle_event", "_really_send", "schedule", "send_multipart", "popleft"}
STREAM_PARTS = {"_buffer", "_should_watch", "_exc", "_flush", "_watch_pipe_fd"}
PIPE_SIZE = 1 << 16  # pipe(7)
READ_LIMIT_S = 1


def readable(fd, wait_ms, poll=select.poll, in_event=select.POLLIN):
    """The parameters with defaults are kept from what a notebook may put into these modules."""
    poll = poll()
    poll.register(fd, in_event)
    return any(events & in_event for _, events in poll.poll(wait_ms))


def has_children(wait=os.waitid, what=(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
    try:
        wait(*what)
    except ChildProcessError:
        return False
    return True


def copy_of(module, **changes):
    """The same to whoever calls its functions, but for some of them."""
    copied = types.ModuleType(module.__name__)
    copied.__dict__.update(vars(module), **changes)
    return copied


class Haste:
    """Changes nothing but how ipykernel's own modules flush and sleep: a notebook's flush is what it was."""

    def __init__(self):
        from ipykernel import displayhook, iostream, kernelbase, zmqshell

        stream = iostream.OutStream
        code = getattr(stream.__init__, "__code__", None)
        if code is None or not STREAM_PARTS <= {*code.co_names, *vars(stream)}:
            raise ImportError("this OutStream is not known")
        self.stream, self.plain_flush, self.plain_write = stream, stream.flush, stream.write
        self.collector = importlib.import_module("zmq.utils.garbage").gc
        self.now, self.wait = time.monotonic, time.sleep
        self.count_threads, self.threads = _thread._count, None
        self.forked = False
        self.sending = set()               # streams of which output is on its way to the IOPub thread's queue
        self.reading = set()               # descriptors of which output is on its way to a stream
        self.read = collections.Counter()  # bytes, by descriptor
        self._note_sending()
        iostream.os = copy_of(os, read=self.read_descriptor)
        kernelbase.time = copy_of(time, sleep=self.sleep)
        displayhook.sys = kernelbase.sys = zmqshell.sys = Streams(self)

    def _note_sending(self):
        send = self.stream._flush

        @functools.wraps(send)
        def _flush(stream):
            self.sending.add(stream)
            try:
                send(stream)
            finally:
                self.sending.discard(stream)

        self.stream._flush = _flush

    def read_descriptor(self, fd, size, read=os.read):
        """os.read for the threads that read the descriptors."""
        self.reading.discard(fd)
        readable(fd, None)
        self.reading.add(fd)
        data = read(fd, size)
        self.read[fd] += len(data)
        return data

    def begin(self, app):
        """In the kernel, when ipykernel has started its threads and nothing of a notebook's has run."""
        self.threads = [each for each in threading.enumerate() if each is not threading.main_thread()]
        os.register_at_fork(after_in_parent=self._note_fork, after_in_child=self._note_fork)

    def _note_fork(self):
        self.forked = True

    def is_alone(self):
        """Whether nothing prints but the cell: no thread of the notebook, no child, no fork that may have some."""
        return (self.threads is not None and not self.forked
                and self.count_threads() <= len(self.threads) + self.waits_for_buffers()
                and all(map(threading.Thread.is_alive, self.threads)) and not has_children())

    def waits_for_buffers(self):
        """Whether there is the thread that pyzmq makes for its first large message, to give the buffers back."""
        thread = self.collector.thread
        return thread is not None and thread.is_alive()

    def is_plain(self, stream):
        """Whether it is ipykernel's, and the notebook has changed nothing of it."""
        return (type(stream) is self.stream and not {"flush", "write"} & vars(stream).keys()
                and self.stream.flush is self.plain_flush and self.stream.write is self.plain_write)

    def sleep(self, seconds):
        """time.sleep, after a cell."""
        if not (self.is_alone() and self.is_plain(sys.stdout) and self.is_plain(sys.stderr)):
            self.wait(seconds)

    def is_read(self, stream):
        """Whether all that was written to the stream's descriptor is in its buffer."""
        fd = getattr(stream, "_fid", None)
        return (fd is None or not stream.watch_fd_thread.is_alive()
                or (not readable(fd, 0) and fd not in self.reading))

    def is_sent(self, stream):
        try:
            return not stream._buffer.tell() and stream not in self.sending
        except ValueError:  # it has just been exchanged
            return False

    def has_flushed(self, stream):
        """Whether stream.flush() has nothing to do any more, which it may be asked to do here."""
        if not self.is_alone():
            return False
        fd = getattr(stream, "_fid", None)
        end, end_s = self.read[fd] + PIPE_SIZE, self.now() + READ_LIMIT_S
        while not self.is_read(stream) and self.read[fd] < end and self.now() < end_s:
            stream.flush()
        return self.is_sent(stream)

    def flush(self, stream):
        """Instead of stream.flush() by ipykernel."""
        try:
            if self.has_flushed(stream):
                return
        except Exception:  # whatever a notebook has done to what this stands on
            pass
        stream.flush()


class Streams:
    """The module sys for those of ipykernel's modules that flush."""

    def __init__(self, haste):
        self._haste = haste

    def __getattr__(self, name):
        return getattr(sys, name)

    @property
    def stdout(self):
        return self._of(sys.stdout)

    @property
    def stderr(self):
        return self._of(sys.stderr)

    def _of(self, stream):
        return Flushed(self._haste, stream) if self._haste.is_plain(stream) else stream


class Flushed:
    def __init__(self, haste, stream):
        self._haste, self._stream = haste, stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def flush(self):
        self._haste.flush(self._stream)


def quicken_dates():
    """Of each request the date is read, by a parser for all that people write."""
    from dateutil import tz
    from jupyter_client import jsonutil

    parse, parse_iso, utc = jsonutil._dateutil_parse, datetime.datetime.fromisoformat, datetime.timezone.utc

    def parse_quickly(text):
        try:
            date = parse_iso(text)
        except ValueError:
            return parse(text)
        return date.replace(tzinfo=tz.UTC) if date.tzinfo is utc else parse(text)

    jsonutil._dateutil_parse = parse_quickly


def quicken_signatures():
    """For each request ipykernel inspects the signatures of its kernel's method and of its shell's."""
    from ipykernel import ipkernel, kernelbase

    quick = functools.lru_cache(kernelbase._accepts_cell_id)
    for module in (kernelbase, ipkernel):
        if hasattr(module, "_accepts_cell_id"):
            module._accepts_cell_id = quick


def quicken_decorators():
    """What shows a value calls a dozen functions that are decorated by a package which binds the arguments of each call
    anew, also where there is nothing to bind."""
    import decorator

    bind = decorator.fix

    @functools.wraps(bind)
    def fix(args, kwargs, sig):
        parameters = sig.parameters
        if (not kwargs and len(args) == len(parameters)
                and all(each.kind <= each.POSITIONAL_OR_KEYWORD for each in parameters.values())):
            return args, {}
        return bind(args, kwargs, sig)

    decorator.fix = fix


def quiet_logger():
    """ipykernel says of each message what it does with it, to handlers which leave that out: what none of them would
    take is left out before it is made."""
    logger = logging.getLogger("IPKernelApp")
    is_enabled, factory = logger.isEnabledFor, logging.getLogRecordFactory()

    def is_heard(level):
        if logger.filters or logging.getLogRecordFactory() is not factory:
            return True
        found, each = False, logger
        while each is not None:
            if any(level >= handler.level for handler in each.handlers):
                return True
            found = found or bool(each.handlers)
            each = each.parent if each.propagate else None
        return not found  # a handler of the last resort takes it, or does not

    logger.isEnabledFor = lambda level: is_enabled(level) and is_heard(level)


CONTROL_PARTS = {"control_thread", "io_loop", "concurrent", "futures", "Future", "asyncio", "wrap_future",
                 "add_callback"}


def quicken_control():
    """Before each request ipykernel has its control thread look whether something has come there, as that does without
    being told, and does not wait for it."""
    from ipykernel import kernelbase

    flush = kernelbase.Kernel._flush_control_queue
    waits = any(each.opname == "GET_AWAITABLE" for each in dis.get_instructions(flush))
    if waits or set(flush.__code__.co_names) != CONTROL_PARTS:
        raise ImportError("this Kernel is not known")

    @functools.wraps(flush)
    async def _flush_control_queue(kernel):
        return None if kernel.control_thread else await flush(kernel)

    kernelbase.Kernel._flush_control_queue = _flush_control_queue


def quicken_json():
    """For each of the four parts of a message an encoder is made."""
    from jupyter_client import session

    encoders = {}

    def dumps(value, **options):
        if options.keys() != {"default", "ensure_ascii", "allow_nan"}:
            return json.dumps(value, **options)
        key = options["default"], options["ensure_ascii"], options["allow_nan"]
        if key not in encoders:
            encoders[key] = json.JSONEncoder(**options)
        return encoders[key].encode(value)

    session.json = copy_of(json, dumps=dumps)


@functools.lru_cache
def arrays(count):
    """Types, which ctypes would make anew after each collection of garbage."""
    return ctypes.c_char_p * count, ctypes.c_size_t * count


class Shortcut:
    """Of each message on iopub ipykernel's main thread tells the IOPub thread, which sends it, and for each of these
    turns the interpreter's lock goes from one thread to the other. Where nothing waits there, and the message is of a
    plain kind, whoever made it sends it himself: as a whole, with the lock held, as ZeroMQ's sockets want it when they
    are used by several threads. The order stays: what waits in the IOPub thread, or is just being sent there, is
    waited for there."""

    def __init__(self, library):
        from ipykernel import iostream

        thread = iostream.IOPubThread
        names = {*thread.__init__.__code__.co_names, *thread._handle_event.__code__.co_names, *vars(thread)}
        if not SHORTCUT_PARTS <= names or "_setup_xpub_listener" in names:
            raise ImportError("this IOPubThread is not known")
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            raise ImportError("this interpreter has no lock")
        self.send_parts = library.c.nbhook_fork_send
        self.thread, self.sender = None, Sender()
        zmq = importlib.import_module(importlib.import_module("zmq.backend").Socket.__module__)
        self.sender.send = ctypes.cast(ctypes.PyDLL(zmq.__file__).zmq_send, ctypes.c_void_p)
        self.plain = {name: vars(thread)[name] for name in ("_really_send", "schedule")}
        self._redirect(thread)

    def _redirect(self, thread):
        queue, handle = thread.send_multipart, thread._handle_event

        @functools.wraps(queue)
        def send_multipart(thread, *args, **kwargs):
            if not self.send(thread, args, kwargs):
                queue(thread, *args, **kwargs)

        @functools.wraps(handle)
        def _handle_event(thread, msg):
            if thread is not self.thread:
                return handle(thread, msg)
            self.sender.busy = 1
            try:
                return handle(thread, msg)
            finally:
                self.sender.busy = 0

        thread.send_multipart, thread._handle_event = send_multipart, _handle_event

    def begin(self, app):
        """In the kernel, when its IOPub thread runs."""
        self.sender.socket = app.iopub_thread.socket.underlying
        self.thread = app.iopub_thread

    def send(self, thread, args, kwargs, getpid=os.getpid):
        """Whether it has been sent."""
        if (thread is not self.thread or thread._events or len(args) != 1 or kwargs.get("copy", True) is not True
                or len(kwargs) > ("copy" in kwargs) or getpid() != thread._master_pid):
            return False
        parts = args[0]
        if not all(type(part) is bytes for part in parts) or not self.is_plain(thread):
            return False
        count = len(parts)
        pointers, sizes = arrays(count)
        return self.send_parts(self.sender, pointers(*parts), sizes(*map(len, parts)), count)

    def is_plain(self, thread):
        """Whether a notebook has changed nothing of it."""
        return (not self.plain.keys() & vars(thread).keys() and thread.socket is not None
                and all(getattr(type(thread), name) is value for name, value in self.plain.items()))


# ---- in the kernel ----

def take_placement(kernel, placement):
    """Where the executor wants the kernel to be comes along with the first cell, as "before": the globals of placement
    (src/exec/placement.h), which is code for no shell. All is as it was when that is executed."""
    handlers = kernel.shell_handlers
    replaced = {kind: handlers[kind] for kind in ("execute_request", "kernel_info_request")}
    execute = replaced["execute_request"]

    def execute_request(stream, ident, parent):
        before = parent["content"].pop("before", None)
        if not parent["content"].get("silent"):
            handlers.update(replaced)
        if before is None:
            return execute(stream, ident, parent)
        try:
            exec(placement, before)
        except BaseException as error:  # an interrupt, too, has an answer
            reply = {"status": "error", "placed": False, "ename": type(error).__name__, "evalue": str(error),
                     "traceback": []}
            kernel.session.send(stream, "execute_reply", reply, parent, ident=ident)
            return None
        return execute(stream, ident, parent)

    def kernel_info_request(stream, ident, parent):
        content = {"status": "ok", **kernel.kernel_info, "before": "naas" in sys.modules}
        kernel.session.send(stream, "kernel_info_reply", content, parent, ident)

    handlers.update(execute_request=execute_request, kernel_info_request=kernel_info_request)


def give_back_threads(setters, environment):
    """OpenBLAS gets as many threads as it would have had."""
    wanted = environment.get(THREAD_SETTING) or environment.get("OMP_NUM_THREADS") or ""
    count = int(wanted) if wanted.isdigit() else len(os.sched_getaffinity(0))
    for set_threads in setters:
        set_threads(count)


def ignored_signals():
    """Those that whoever has started the runner ignores, besides those that each interpreter does."""
    return [number for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}
            if signal.getsignal(number) == signal.SIG_IGN]


def settle_signals(ignored):
    """As an interpreter has them at its start."""
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, *ignored):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


MT_WORDS = 624  # the state of a Mersenne Twister


def forget_home():
    """What was remembered of the fork server's own folders."""
    modules = sys.modules
    if "tempfile" in modules:  # where there is none, it looks for one by making a file
        folder = os.path.abspath(os.environ.get("TMPDIR") or os.devnull)
        modules["tempfile"].tempdir = folder if os.path.isdir(folder) and os.access(folder, os.W_OK) else None
    site.USER_BASE = site.USER_SITE = None
    site.getusersitepackages()
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if "jedi.settings" in modules:
        modules["jedi.settings"].cache_directory = os.path.join(caches, "jedi")
    if "parso.cache" in modules:
        modules["parso.cache"]._default_cache_path = pathlib.Path(caches, "parso")
    if "numpy.random" in modules:  # its whole state, which costs less than seed()
        numpy = modules["numpy"]
        words = numpy.frombuffer(bytearray(os.urandom(4 * MT_WORDS)), "uint32")
        words[0] = 1 << 31  # as seed() leaves it
        numpy.random.set_state(("MT19937", words, MT_WORDS - 1))


def become(order, model):
    """Everything that a new process of the launcher would have of its own."""
    environment = dict(entry.split("=", 1) for entry in order["env"])
    os.environ.clear()
    os.environ.update(environment)
    for name, value in model.variables.items():
        os.environ.setdefault(name, value)
    time.tzset()
    logging._startTime = time.time()
    if hasattr(threading.Thread, "_set_native_id"):
        threading.main_thread()._set_native_id()
    argv = order["argv"]
    sys.argv = [model.launcher, *arguments_of(argv)]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = list(argv)
    sys.path[:] = model.path if getattr(sys.flags, "safe_path", False) else [os.getcwd(), *model.path]
    settle_signals(model.ignored_signals)
    forget_home()
    model.first_imports.settle()
    give_back_threads(model.thread_setters, environment)


def arguments_of(argv):
    """What stands behind "-m ipykernel_launcher"."""
    return argv[argv.index("-m") + 2:]


class Model:
    """What all kernels begin with."""

    def __init__(self, description, library):
        self.description, self.library = description, library
        self.path = list(sys.path)
        self.placement = compile(description["placement"], "placement", "exec")
        self.launcher = importlib.util.find_spec(description["module"]).origin
        self.patches, self.early_patches = Patches(), Patches()  # until the kernel runs; until it has its shell
        self.first_imports = FirstImports()
        self.ignored_signals = ignored_signals()

    def build(self, link):
        """Returns the names of the modules that were preloaded."""
        description = self.description
        before = dict(os.environ)
        self.patches.apply(remember_logging)
        self.shell, self.parsed = build_shell(description["options"])
        import_late()
        self.variables = {name: value for name, value in os.environ.items() if name not in before}
        self.haste = self.patches.apply(Haste)
        seen, number = set(sys.modules), next_number_of_thread()
        with self.shell.builtin_trap:  # modules ask get_ipython() where they are imported
            modules = preload(description["preload"], description["left_out"], description["optional"], link,
                              self.first_imports)
        with contextlib.suppress(ValueError):  # a module has taken the usual finder away
            self.first_imports.hide_single(seen)
        number_next_thread(number)
        know_numpy(self.shell)
        if not settle_threads():
            raise RuntimeError("there is more than one thread")
        self.patches.apply(quicken_dates)
        self.patches.apply(quicken_signatures)
        self.patches.apply(quicken_decorators)
        self.patches.apply(quicken_json)
        self.patches.apply(quicken_control)
        self.patches.apply(quiet_logger)
        self.shortcut = self.patches.apply(Shortcut, self.library)
        self.early_patches.apply(name_descriptors)
        self.patches.apply(remember_modules)
        self.patches.apply(remember_answers, self.shell)
        self.thread_setters = thread_setters()
        sys.path[:] = self.path
        return modules


def play_kernel(order, model):
    """The kernel's whole life."""
    become(order, model)
    from IPython.paths import get_home_dir
    from ipykernel.kernelapp import IPKernelApp
    app = IPKernelApp.instance()
    model.parsed.give(app, sys.argv[1:])
    adopt = app.init_shell
    shell = model.shell

    def init_shell():
        del app.init_shell
        adopt()
        shell.parent = shell.kernel = app.kernel
        shell.profile_dir = app.profile_dir
        shell.ipython_dir = app.ipython_dir
        shell.starting_dir = os.getcwd()
        shell.home_dir = shell.logger.home_dir = get_home_dir()
        shell.config["IPKernelApp"]["connection_file"] = app.config["IPKernelApp"]["connection_file"]
        shell.db = type(shell.db)(os.path.join(app.profile_dir.location, "db"))
        shell._orig_sys_module_state.update(stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr)
        shell.history_manager.dir_hist[:] = [pathlib.Path.cwd()]
        shell.init_environment()
        model.early_patches.revert()
        for begin in (lambda: model.haste.begin(app), lambda: model.shortcut.begin(app),
                      lambda: take_placement(app.kernel, model.placement)):
            with contextlib.suppress(Exception):  # what does not fit stays as it is
                begin()

    app.init_shell = init_shell
    app.initialize(None)
    model.patches.revert()
    app.start()


# ---- the memory of a kernel ----
# What a process writes to after a fork is copied page by page, each at the price of an exception, which is dear
# on a virtual machine. A rehearsal tells which pages a kernel writes to until it has answered, and the kernels
# have these copied at once.

PR_SET_DUMPABLE = 4
PAGE_IS_EXCLUSIVE, PAGE_IS_OF_A_FILE, PAGE_IS_PRESENT = 1 << 56, 1 << 61, 1 << 63  # proc_pid_pagemap(5)
REHEARSAL_S = 20


def own_memory():
    """The (start, end) of all that is written to and is nobody else's."""
    with open("/proc/self/maps") as maps:
        rows = [line.split(None, 5) for line in maps]
    return [tuple(int(text, 16) for text in row[0].split("-")) for row in rows
            if row[1] == "rw-p" and not (len(row) > 5 and row[5].startswith("[stack"))]


def heap_start():
    """Of what malloc(3) has extended with brk(2); None where it has not."""
    with open("/proc/self/maps") as maps:
        return next((int(row.split("-")[0], 16) for row in maps if row.rstrip().endswith("[heap]")), None)


def copied_pages(spans):
    """The [start, size] of what has been written to in there since the fork."""
    found = []
    size = mmap.PAGESIZE
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for start, end in spans:
            pagemap.seek(start // size * 8)
            entries = array.array("Q")
            entries.frombytes(pagemap.read((end - start) // size * 8))
            for index, entry in enumerate(entries):
                if not (entry & PAGE_IS_PRESENT and entry & PAGE_IS_EXCLUSIVE) or entry & PAGE_IS_OF_A_FILE:
                    continue
                page = start + index * size
                if found and sum(found[-1]) == page:
                    found[-1][1] += size
                else:
                    found.append([page, size])
    return found


def converse(folder, key, done):
    """What an executor asks a kernel before it gets its first cell."""
    import zmq
    from jupyter_client.session import Session

    session = Session(key=key)
    with zmq.Context() as context, context.socket(zmq.DEALER) as shell:
        shell.linger = 0
        shell.connect(f"ipc://{folder}/k-1")
        for kind, content in (("kernel_info_request", {}), ("execute_request", {
                "code": "1", "silent": True, "store_history": False, "user_expressions": {},
                "allow_stdin": False, "stop_on_error": False})):
            session.send(shell, kind, content)
            session.recv(shell, mode=0)
        done()


def rehearse_here(library, folder, play, spans, writing):
    """The child's whole life. It can be looked into, as it has to look into itself, and so keeps nothing open."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(quiet, fd)
    if writing != 3:
        os.dup2(writing, 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    library.open_up()
    path = os.path.join(folder, "kernel.json")
    key = os.urandom(16).hex()
    ports = {f"{name}_port": number for number, name in enumerate(
        ("shell", "iopub", "stdin", "control", "hb"), 1)}
    with open(path, "w") as file:
        json.dump({"transport": "ipc", "ip": f"{folder}/k", "key": key,
                   "signature_scheme": "hmac-sha256", **ports}, file)

    def done():
        with os.fdopen(3, "w") as pipe:
            json.dump(copied_pages(spans), pipe)
        os._exit(0)

    threading.Thread(target=converse, args=(folder, key.encode(), done), daemon=True).start()
    play(path)


def rehearse(library, play):
    """The pages that a kernel writes to; play(path) is its life with that connection file. None of them when
    they are not to be had: kernels then start a little later."""
    folder = tempfile.mkdtemp()
    spans = own_memory()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            rehearse_here(library, folder, play, spans, writing)
        finally:
            os._exit(1)
    os.close(writing)
    text = b""
    deadline = time.monotonic() + REHEARSAL_S
    with open(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
            part = pipe.read(1 << 16)
            if not part:
                break
            text += part
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return [(int(start), int(size)) for start, size in json.loads(text)]
    except (ValueError, TypeError):
        return []


def start_again(description, module):
    """The same program without a module; its descriptors and its pid stay."""
    description["left_out"] = [*description["left_out"], module]
    os.environ["NBHOOK_FORK_SERVER"] = json.dumps(description)
    os.execv(description["python"][0], [*description["python"], *sys.argv])


def main():
    """A function that is the kernel's life, in a kernel."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the runner has some blocked
    description = json.loads(os.environ.pop("NBHOOK_FORK_SERVER"))
    link = Link(description["socket"])
    library = Library(description["library"])
    library.settle()
    library.note_arenas()
    os.environ.setdefault(THREAD_SETTING, "1")
    if sys.path and os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]
    os.environ.setdefault("MPLBACKEND", INLINE)
    model = Model(description, library)
    try:
        modules = model.build(link)
    except Unfit as unfit:
        module, reason = unfit.args
        link.send(event="left_out", module=module, reason=reason)
        start_again(description, module)
    gc.collect()
    gc.freeze()
    library.fill_gaps()
    pages = rehearse(library, lambda path: play_kernel({
        "argv": [*description["python"], "-m", description["module"], "-f", path, *description["options"]],
        "env": [f"{name}={value}" for name, value in os.environ.items()]}, model))
    link.send(event="ready", modules=modules, folders=module_folders(model.first_imports.modules.values()),
              copied=sum(size for _, size in pages))
    order = library.serve(link.socket.detach(), pages)
    library.set_title(order["argv"])
    return lambda: play_kernel(order, model)


if __name__ == "__main__":
    main()()
