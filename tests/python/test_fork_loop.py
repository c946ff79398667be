"""The loop of a fork server, which is C: orders over sockets, a keeper and a kernel for each."""

import importlib.util
import json
import os
import socket
import struct
import tempfile

import pytest
from jobserver import TOP

FRAME = struct.Struct(">IBBxx")          # src/base/frame.h
ORDER = struct.Struct("=qqqqq")          # ForkOrder: three limits, nice, namespaces
REPORT = struct.Struct("=ii240s")        # KeeperReport
NO_KERNEL, STARTED, DIED = 2, 3, 4
PLENTY = 1 << 40
PATIENCE_S = 20


class Order:
    """One order's socket, and what its kernel prints."""

    def __init__(self, link):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE_S)
        text = b'{"op": "serve"}'
        socket.send_fds(link, [FRAME.pack(len(text), 1, 1) + text], [theirs.fileno()])
        theirs.close()

    def send(self, words="word", folder="/", record=None):
        reading, writing = os.pipe()
        if record is None:
            record = ORDER.pack(10000, 10000, PLENTY, 0, 0) + b"".join(
                text.encode() + b"\0" for text in (folder, "/nowhere", json.dumps(words)))
        socket.send_fds(self.socket, [record], [writing])
        os.close(writing)
        self.output = os.fdopen(reading, "rb")

    def report(self):
        """Its kind and text; None at the end."""
        data = self.socket.recv(REPORT.size)
        if not data:
            return None
        kind, _, text = REPORT.unpack(data)
        return kind, text.split(b"\0")[0].decode()


SECRET = "of the run before, and longer than another one's"
ITS_MEMORY = (1 << 20) + 2 * 4096  # an order of any size, and little else


def is_kept(text):
    """Whether it is somewhere in the memory of the library."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        lines = maps.readlines()
    last = max(index for index, line in enumerate(lines) if "nbhook-fork.so" in line)
    with open("/proc/self/mem", "rb") as memory:
        for line in lines[last:last + 2]:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            memory.seek(start)
            # what lies behind may be the interpreter's, who knows the text
            if text.encode() in memory.read(min(end - start, ITS_MEMORY)):
                return True
    return False


class Server:
    """nbhook_fork_serve in a process of its own. Its kernels print what they know and end."""

    def __init__(self, library, pages=()):
        self.link, theirs = socket.socketpair()
        self.link.settimeout(PATIENCE_S)
        self.errors = tempfile.TemporaryFile()
        self.pid = os.fork()
        if self.pid == 0:
            self.link.close()
            os.dup2(self.errors.fileno(), 2)
            try:
                self.play(library.serve(theirs.detach(), pages))
            finally:
                os._exit(1)
        theirs.close()

    @staticmethod
    def play(words):
        kinds = [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")]
        with open("/proc/self/status", encoding="utf-8") as file:
            blocked = next(line.split()[1] for line in file if line.startswith("SigBlk:"))
        os.write(1, json.dumps([words, os.getcwd(), kinds, blocked, is_kept(SECRET[9:])]).encode())
        os._exit(7)

    def event(self):
        header = self.link.recv(FRAME.size, socket.MSG_WAITALL)
        return json.loads(self.link.recv(FRAME.unpack(header)[0], socket.MSG_WAITALL))

    def end(self):
        """The status that it ends with when the runner has gone."""
        self.link.close()
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.errors.seek(0)
        self.said = self.errors.read().decode()
        return status


@pytest.fixture
def server():
    spec = importlib.util.spec_from_file_location("forkserver", TOP / "src" / "runner" / "forkserver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = Server(module.Library(f"{os.environ['NBHOOK_PREFIX']}/libexec/nbhook/nbhook-fork.so"))
    yield made
    if made.link.fileno() >= 0:
        made.end()


def test_an_order_makes_a_kernel_with_its_words_and_nothing_of_the_server(server, tmp_path):
    order = Order(server.link)
    order.send(words=["é", 1], folder=str(tmp_path))
    forked = server.event()
    assert forked["event"] == "forked"
    assert order.report() == (STARTED, "")
    words, folder, descriptors, blocked, _ = json.loads(order.output.read())
    assert (words, folder, blocked) == (["é", 1], str(tmp_path), "0" * 16)
    assert [kind for kind in descriptors if not kind.startswith("/")] == []
    assert order.report() == (DIED, "")
    order.socket.close()
    assert server.event() == {"event": "ended", "pid": forked["pid"]}
    assert server.end() == 0
    assert server.said == ""


def test_a_keeper_waits_for_its_executor_and_others_are_made_meanwhile(server):
    first, second = Order(server.link), Order(server.link)
    second.send("second")
    pids = [server.event()["pid"]]
    assert second.report() == (STARTED, "")
    first.send("first")
    pids.append(server.event()["pid"])
    assert first.report() == (STARTED, "")
    assert [json.loads(order.output.read())[0] for order in (first, second)] == ["first", "second"]
    assert len(set(pids)) == 2
    for order in (first, second):
        order.socket.close()
    assert {server.event()["pid"], server.event()["pid"]} == set(pids)


@pytest.mark.parametrize("record", [b"", b"x" * 10, ORDER.pack(1, 1, 1, 0, 0), ORDER.pack(1, 1, 1, 0, 0) + b"a\0b",
                                    ORDER.pack(1, 1, 1, 0, 0) + b"a\0b\0c"])
def test_what_is_no_order_ends_its_socket_alone(server, record):
    order, good = Order(server.link), Order(server.link)
    if record:
        order.send(record=record)
    else:
        order.socket.shutdown(socket.SHUT_WR)
    assert order.report() is None
    good.send("good")
    assert server.event()["event"] == "forked"
    assert good.report() == (STARTED, "")
    assert json.loads(good.output.read())[0] == "good"


def test_a_kernel_finds_nothing_of_the_order_before(server):
    kept = []
    for words in (SECRET, "x"):
        order = Order(server.link)
        order.send(words)
        kept.append(json.loads(order.output.read())[4])
    assert kept == [True, False]


def test_words_may_be_any_bytes(server):
    order = Order(server.link)
    order.send(record=ORDER.pack(10000, 10000, PLENTY, 0, 0) + b'/\0/\0"\xe9"\0')
    assert json.loads(order.output.read())[0] == "\udce9"


def test_a_keeper_of_which_the_runner_does_not_hear_starts_nothing(server):
    server.link.shutdown(socket.SHUT_RD)
    order = Order(server.link)
    order.send()
    assert order.report() is None
    assert order.output.read() == b""


def test_an_order_without_a_descriptor_is_none(server):
    order = Order(server.link)
    order.socket.send(ORDER.pack(1, 1, 1, 0, 0) + b"/\0/\0null\0")
    assert order.report() is None


def test_a_folder_that_is_not_there_is_said(server):
    order = Order(server.link)
    order.send(folder="/nonexistent")
    assert server.event()["event"] == "forked"
    kind, text = order.report()
    assert kind == NO_KERNEL and "working directory" in text
    assert server.event()["event"] == "ended"


def test_it_ends_with_the_runner(server):
    order = Order(server.link)
    order.send()
    assert server.event()["event"] == "forked"
    assert order.report() == (STARTED, "")
    assert server.end() == 0
    assert server.said == ""


def test_a_frame_may_come_in_pieces_and_with_several_sockets(server):
    ends = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    text = b'{"op": "serve"}'
    frame = FRAME.pack(len(text), 1, 2) + text
    socket.send_fds(server.link, [frame[:3]], [theirs.fileno() for _, theirs in ends])
    server.link.send(frame[3:10])
    server.link.send(frame[10:])
    for ours, theirs in ends:
        theirs.close()
        ours.settimeout(PATIENCE_S)
        socket.send_fds(ours, [b"none"], [])
        assert ours.recv(REPORT.size) == b""
