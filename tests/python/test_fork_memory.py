"""The fork server's look at memory. (What it makes is tested with real kernels.)"""

import ctypes
import importlib.util
import json
import mmap
import os

import pytest
from jobserver import TOP

SIZE = mmap.PAGESIZE


@pytest.fixture(scope="module")
def forkserver():
    spec = importlib.util.spec_from_file_location("forkserver", TOP / "src" / "runner" / "forkserver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def memory():
    """Ten pages that have been written to, and where they are."""
    made = mmap.mmap(-1, 10 * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    made.write(b"x" * (10 * SIZE))
    yield made, ctypes.addressof(ctypes.c_char.from_buffer(made))


def in_a_child(do):
    """What a function gives there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, "w") as pipe:
            json.dump(do(), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def test_what_a_child_has_written_to_is_found(forkserver, memory):
    made, start = memory

    def write():
        for page in (2, 3, 7):
            made[page * SIZE] = 0
        return forkserver.copied_pages([(start, start + 10 * SIZE)])

    assert in_a_child(write) == [[start + 2 * SIZE, 2 * SIZE], [start + 7 * SIZE, SIZE]]


@pytest.fixture
def library(forkserver):
    return forkserver.Library(f"{os.environ['NBHOOK_PREFIX']}/libexec/nbhook/nbhook-fork.so")


def test_pages_are_copied_at_once(forkserver, library, memory):
    _, start = memory

    def copy():
        library.copy([[start + SIZE, 2 * SIZE], [start + 5 * SIZE, SIZE]])
        return forkserver.copied_pages([(start, start + 10 * SIZE)])

    assert in_a_child(copy) == [[start + SIZE, 2 * SIZE], [start + 5 * SIZE, SIZE]]


def test_memory_that_is_gone_is_no_error(library):
    assert in_a_child(lambda: library.copy([[SIZE, SIZE]])) is None


def test_own_memory_is_what_is_written_to(forkserver, memory):
    _, start = memory
    spans = forkserver.own_memory()
    assert any(first <= start and start + 10 * SIZE <= last for first, last in spans)
    stack = next(line for line in open("/proc/self/maps") if "[stack]" in line).split("-")[0]
    assert int(stack, 16) not in [first for first, _ in spans]


def test_command_lines_are_told_apart(forkserver):
    class Config(dict):
        IPKernelApp = type("Section", (), {})()

    class App:
        argv, config = [], None

        def update_config(self, config):
            self.config = config

    parsed, app = forkserver.Parsed(Config(), ["rest"]), App()
    assert parsed.give(app, ["-f", "/a/kernel.json", "--quiet"])
    app.parse_command_line(None)
    assert (app.argv, app.extra_args) == (["-f", "/a/kernel.json", "--quiet"], ["rest"])
    assert app.config.IPKernelApp.connection_file == "/a/kernel.json"
    assert not parsed.give(App(), ["--f=/a/kernel.json"])
    assert not parsed.give(App(), ["-f"])
