"""What the worker pool's tests have done in its processes."""

import os
import signal
import time


def do(task: str) -> str:
    if task == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "sleep":
        time.sleep(60)
    if task == "raise":
        raise ValueError("Doe^Jane")
    return f"{task} by {os.getpid()}"
