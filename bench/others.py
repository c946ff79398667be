"""What a user could pick instead, each as small as it can be: others.py WORD

  nbclient-server   an HTTP server that plays the notebook of a request's body with nbclient, in a new kernel
  kernel-server     one that executes its cells in a kernel that was started once, one request at a time
  python            executes the cells of each line of standard input in this process, which is as warm as it
                    gets, and prints the seconds
  fork              the same in a fork of this process for each line; prints the seconds of CPU
  forked-kernel     plays them in ipykernel, as it is, in a fork of this process, which has built its shell; prints
                    the seconds of CPU of the fork and the kernel

A server prints its port. Bodies and lines are JSON lists of sources.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable

Play = Callable[[list], None]
PR_SET_PDEATHSIG = 1


def nbclient_play() -> Play:
    import nbformat
    from nbclient import NotebookClient

    def play(cells: list) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
        NotebookClient(notebook, kernel_name="python3", timeout=None).execute()

    return play


def kernel_play() -> Play:
    from jupyter_client.manager import start_new_kernel

    _, client = start_new_kernel(kernel_name="python3")
    turn = threading.Lock()

    def play(cells: list) -> None:
        with turn:
            for cell in cells:
                reply = client.execute_interactive(cell, output_hook=lambda message: None)
                assert reply["content"]["status"] == "ok", reply["content"]

    return play


def history_in_memory() -> object:
    """A file of it has a thread, and a fork may begin while that holds a lock."""
    from traitlets.config import Config

    return Config(HistoryManager=Config(hist_file=":memory:"))


def shell_play() -> Play:
    """IPython's shell, as a kernel has it, in this process; what it would send is thrown away."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    class Silent(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: dict, md_dict: object = None) -> None:
            json.dumps(format_dict, default=str)

        def finish_displayhook(self) -> None:
            pass

    shell = InteractiveShell.instance(config=history_in_memory(), displayhook_class=Silent,
                                      display_pub_class=CapturingDisplayPublisher)

    def play(cells: list) -> None:
        for cell in cells:
            shell.run_cell(cell, store_history=True).raise_error()

    return play


def serve(play: Play) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            play(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *ignored: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


def each_line(play: Play) -> None:
    for line in sys.stdin:
        cells = json.loads(line)
        begin = time.monotonic()
        play(cells)
        print(f"{time.monotonic() - begin:.6f}", flush=True)


def cpu_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def each_line_forked(play: Play) -> None:
    play(["1"])
    for line in sys.stdin:
        cells = json.loads(line)
        begin = cpu_seconds(resource.RUSAGE_SELF) + cpu_seconds(resource.RUSAGE_CHILDREN)
        child = os.fork()
        if child == 0:
            play(cells)
            os._exit(0)
        os.waitpid(child, 0)
        end = cpu_seconds(resource.RUSAGE_SELF) + cpu_seconds(resource.RUSAGE_CHILDREN)
        print(f"{end - begin:.6f}", flush=True)


# A kernel in a fork of a process with all that can be there before: what it executes and the shell. ZeroMQ's context
# cannot be there, so that its client is another process, whose CPU does not count.

def play_in_kernels(link: socket.socket) -> None:
    """The client's life: for each line, [connection file, sources], an empty one when they have been executed."""
    from jupyter_client import BlockingKernelClient

    lines = link.makefile("rw")
    for line in lines:
        path, cells = json.loads(line)
        client = BlockingKernelClient(connection_file=path)
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        for cell in cells:
            reply = client.execute_interactive(cell, output_hook=lambda message: None)
            assert reply["content"]["status"] == "ok", reply["content"]
        client.stop_channels()
        lines.write("\n")
        lines.flush()


def be_kernel(path: str) -> None:
    from ipykernel.kernelapp import IPKernelApp

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    app = IPKernelApp.instance()
    app.initialize(["-f", path, "--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=CRITICAL"])
    app.start()


def each_line_in_forked_kernel() -> None:
    ours, clients = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        try:
            play_in_kernels(clients)
        finally:
            os._exit(0)
    clients.close()
    import_preloads()
    import gc
    import ipykernel.kernelapp  # noqa: F401
    from ipykernel.zmqshell import ZMQInteractiveShell

    ZMQInteractiveShell.instance(config=history_in_memory()).run_cell("1", silent=True)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{cpu_of_forked_kernel(json.loads(line), folder, ours):.6f}", flush=True)


def cpu_of_forked_kernel(cells: list, folder: str, client: socket.socket) -> float:
    from jupyter_client.connect import write_connection_file

    path, _ = write_connection_file(os.path.join(folder, "kernel.json"), transport="ipc",
                                    ip=os.path.join(folder, "kernel"), key=os.urandom(16).hex().encode())
    begin = cpu_seconds(resource.RUSAGE_SELF)
    kernel = os.fork()
    if kernel == 0:
        client.close()
        try:
            be_kernel(path)
        finally:
            os._exit(1)
    forked = cpu_seconds(resource.RUSAGE_SELF) - begin
    try:
        client.sendall(json.dumps([path, cells]).encode() + b"\n")
        assert client.recv(1) == b"\n", "its client has gone"
    finally:
        os.kill(kernel, signal.SIGKILL)
        used = os.wait4(kernel, 0)[2]
    return forked + used.ru_utime + used.ru_stime


def import_preloads() -> None:
    for name in ("numpy", "pandas", "matplotlib.pyplot"):
        __import__(name)


def main(word: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, IPYTHONDIR=home, JUPYTER_RUNTIME_DIR=home, MPLCONFIGDIR=home,
                          MPLBACKEND="module://matplotlib_inline.backend_inline",
                          PYDEVD_DISABLE_FILE_VALIDATION="1")
        os.chdir(home)
        if word == "nbclient-server":
            serve(nbclient_play())
        elif word == "kernel-server":
            serve(kernel_play())
        elif word == "forked-kernel":
            each_line_in_forked_kernel()
        else:
            import_preloads()
            (each_line if word == "python" else each_line_forked)(shell_play())
        os._exit(0)  # a kernel ends with its parent


if __name__ == "__main__":
    main(sys.argv[1])
