"""How long a cold Python kernel takes: for each line of standard input, starts one as any Jupyter client
does, and prints the seconds until the reply to its first cell. Ending it is not counted."""

import os
import sys
import tempfile
import time


def start_and_ask(folder: str) -> float:
    from jupyter_client.manager import KernelManager

    start = time.monotonic()
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=folder)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    reply = client.execute_interactive("1 + 1", timeout=60, output_hook=lambda message: None)
    seconds = time.monotonic() - start
    assert reply["content"]["status"] == "ok"
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, IPYTHONDIR=home, JUPYTER_RUNTIME_DIR=home,
                          PYDEVD_DISABLE_FILE_VALIDATION="1")
        for _ in sys.stdin:
            print(f"{start_and_ask(home):.4f}", flush=True)


if __name__ == "__main__":
    main()
