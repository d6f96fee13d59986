"""STOW-RS and WADO-RS side by side with Orthanc: the same files, the same requests, the same machine.

Orthanc stores what it is sent as it is. HealthImaging decodes, encodes and verifies every frame before it
answers, so its import does more; frames are asked for decoded from both.
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from benchmarks import samples
from benchmarks.reading import NATIVE, WARM
from benchmarks.sandbox import ROOT, Connection, Sandbox, figures, new_datastore

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SECONDS_TO_START = 30
BOUNDARY = "instance"
JSON = "application/dicom+json"
STOW = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def side_by_side(local: Sandbox, files: int) -> dict[str, Any]:
    """Both services' STOW-RS requests of one instance each, and their decoded frames."""
    instances = list(samples.ct_series(files + WARM))
    ours = Connection(local.endpoint), f"/datastore/{new_datastore(local.endpoint)}"
    with orthanc() as endpoint:
        theirs = Connection(endpoint), "/dicom-web"
        return {
            "files": files,
            "healthimaging": _measured(*ours, instances),
            "orthanc": _measured(*theirs, instances),
        }


@contextmanager
def orthanc() -> Iterator[str]:
    """An Orthanc with DICOMweb on a free port, its data in a temporary folder, gone after the block."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin")
    if program is None or not PLUGIN.exists():
        raise SystemExit("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        settings = {
            "StorageDirectory": folder,
            "IndexDirectory": folder,
            "Plugins": [str(PLUGIN)],
            "HttpPort": port,
            "DicomServerEnabled": False,
            "AuthenticationEnabled": False,
            "RemoteAccessAllowed": False,
            "KeepAlive": True,
            "OverwriteInstances": True,
        }
        configuration = Path(folder) / "orthanc.json"
        configuration.write_text(json.dumps(settings))
        process = subprocess.Popen(  # noqa: S603
            [program, str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_until_it_listens(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _measured(connection: Connection, prefix: str, instances: list[bytes]) -> dict[str, dict[str, float]]:
    stores = [
        connection.signed(
            ROOT, "POST", f"{prefix}/studies", _multipart(each), {"Content-Type": STOW, "Accept": JSON}
        )
        for each in instances
    ]
    frames = [
        connection.signed(ROOT, "GET", f"{prefix}{_path(each)}/frames/1", headers={"Accept": NATIVE})
        for each in instances
    ]
    return {
        "stow": figures(connection.timed(stores)[WARM:]),
        "wado_frame": figures(connection.timed(frames)[WARM:]),
    }


def _multipart(instance: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return head + instance + f"\r\n--{BOUNDARY}--\r\n".encode()


def _path(instance: bytes) -> str:
    found = pydicom.dcmread(BytesIO(instance), stop_before_pixels=True)
    uids = (found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID)
    return "/studies/{}/series/{}/instances/{}".format(*uids)


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"Orthanc did not answer within {SECONDS_TO_START} seconds")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
