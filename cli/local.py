"""The local AWS of one state directory: started, found again, stopped."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError
from emulator import server
from emulator.certificate import authority

DEFAULT_PORT = 4566
ACCOUNT = "000000000000"


@dataclass(frozen=True, kw_only=True)
class LocalAws:
    """A local AWS that answers."""

    state: Path
    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        return server.endpoint(self.port)

    @property
    def ca(self) -> Path:
        """The authority that its clients must trust."""
        return authority(self.state.resolve())


def running(state: Path) -> LocalAws | None:
    """The local AWS of `state`, if it answers."""
    known = _known(state)
    if "pid" not in known or not _alive(known["pid"]) or not server.answers(state, known["port"]):
        return None
    return LocalAws(state=state, pid=known["pid"], port=known["port"])


def start(state: Path, port: int | None = None) -> LocalAws:
    """Start the local AWS of `state`, or find it running.

    It comes back on the port it had, because queue URLs in what is deployed hold the port.
    """
    found = running(state)
    if found is not None:
        if port not in (None, found.port):
            raise CommandError(
                f"the local AWS already runs on port {found.port}", "stop it first with `ahi down`"
            )
        return found
    port = _port(state, port)
    if not _free(port):
        raise CommandError(f"port {port} is taken by another program", "free it, or give another with --port")
    state.mkdir(parents=True, exist_ok=True)
    _write(state, {"port": port})
    try:
        pid = server.start(state, port)
    except RuntimeError as error:
        raise CommandError(str(error), f"its log is {state / server.LOG}") from error
    _write(state, {"port": port, "pid": pid})
    return LocalAws(state=state, pid=pid, port=port)


def stop(state: Path) -> bool:
    """Stop the local AWS of `state`; False if it did not run."""
    found = running(state)
    if found is None:
        return False
    try:
        server.stop(found.pid)
    except TimeoutError as error:
        raise CommandError(str(error), f"its log is {state / server.LOG}") from error
    _write(state, {"port": found.port})
    return True


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _port(state: Path, wanted: int | None) -> int:
    before = _known(state).get("port")
    if wanted is None:
        return before or DEFAULT_PORT
    if before not in (None, wanted):
        raise CommandError(
            f"this local AWS was deployed on port {before}, and what is deployed names that port",
            "leave out --port, or start afresh with `ahi down --wipe`",
        )
    return wanted


def _known(state: Path) -> dict[str, int]:
    try:
        known: dict[str, int] = json.loads((state / "server.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return known


def _write(state: Path, known: dict[str, int]) -> None:
    (state / "server.json").write_text(json.dumps(known), encoding="utf-8")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
