"""What the worker pool's tests have done in its processes."""

import os
import signal
import time
from pathlib import Path

from emulator.workers import MEMORY


def do(task: str) -> str:
    if task == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "sleep":
        time.sleep(60)
    if task.startswith("tell "):
        Path(task.removeprefix("tell ")).write_text(str(os.getpid()))
        time.sleep(60)
    if task == "fill":
        # Untouched, so that it takes nothing where nothing limits it.
        return str(len(bytearray(MEMORY)))
    if task == "raise":
        raise ValueError("Doe^Jane")
    return f"{task} by {os.getpid()}"
