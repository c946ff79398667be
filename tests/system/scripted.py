"""The scripted kernel (tests/kernel) as kernelspecs: a cell's source is what the kernel does with it.

    kernels = ScriptedKernels(folder)              # compiles it, into a folder that all accounts reach
    kernels.add("dies-at-start", "die 9")          # one more kernelspec, with a script for the start
    make_site(kernels={"kernel_path": kernels.path})
    notebook(['send stream "hi"; die 9'], kernel="scripted")

The kernelspec "scripted" is always there. A cell is done with busy, its statements, the reply and idle:

    send stream "text" [stderr]      send status busy         send clear [wait]
    send display {…} [{…} [id]]      send update {…} {…} id   send result {…}      send error NAME VALUE
    send raw TYPE "text"…            content as these bytes
    reply [ok | exit | error NAME VALUE | abort | …]          now, instead of at the end
    … bad-hmac | no-hmac | orphan | stranger | cut | short | no-delimiter | many-parts
                                     behind send and reply: what is wrong with the message
    frames shell | iopub "frame"…    no message at all
    without busy input reply idle    these are never said
    end                              reply and idle now; what follows is late output
    respond "text" | {…}             the notebook's response, as naas would say it
    sleep SECONDS | forever          an interrupt ends it, and the cell with KeyboardInterrupt
    ignore 2                         a signal
    die SIGNAL; exit CODE            when what was said before has been heard
    repeat N | forever STATEMENT     $i counts from 0; N as 60000, 60K, 20M
    after SECONDS STATEMENT          later, also behind the cell's end
    on TYPE "script"                 what is done with the next requests of that type; the last one stays
    append FILE "text"               marks that the cell has run
    print "text"                     past Jupyter
    set NAME VALUE                   $NAME stands for it; injected parameters are set, too
    high-water-mark N                of iopub, in the script of the start

20M*"x" is a long text. The kernel is there in some milliseconds; its language is python, so that a call may
have parameters.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "kernel")
FILES = ("message.c", "script.c", "scripted-kernel.c", "statements.c")
LIBRARIES = ("glib-2.0", "json-c", "libcrypto", "libzmq")


class ScriptedKernels:
    """A folder for kernel_path; whoever made it removes it."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "jupyter")
        self.program = os.path.join(folder, "scripted-kernel")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", *LIBRARIES], check=True,
                               capture_output=True, text=True).stdout.split()
        subprocess.run(["/usr/bin/cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", self.program,
                        *(os.path.join(SOURCES, name) for name in FILES), *flags], check=True)
        self.names: dict[str, str] = {}
        self.add("scripted")

    def named(self, title: str, start: str, **members: Any) -> str:
        """add() under a name of its own, once a title."""
        if title not in self.names:
            self.names[title] = self.add(f"scripted-{len(self.names)}", start, **members)
        return self.names[title]

    def add(self, name: str, start: str = "", **members: Any) -> str:
        """A kernelspec whose kernel plays this script when it starts; gives its name."""
        folder = os.path.join(self.path, "kernels", name)
        os.makedirs(folder)
        spec = {"argv": [self.program, "{connection_file}"], "display_name": name,
                "language": "python", "env": {"SCRIPT": start}, **members}
        with open(os.path.join(folder, "kernel.json"), "w", encoding="utf-8") as file:
            json.dump(spec, file)
        return name
