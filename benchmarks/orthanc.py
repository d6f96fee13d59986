"""`python -m benchmarks.orthanc`: STOW-RS and WADO-RS side by side with Orthanc, on the same files.

HealthImaging answers over TLS and the Orthancs over plain http: Debian's Orthanc 1.10.1 crashes under TLS.
The services take turns of a few requests on a kept-alive connection, so that whatever else the machine does
meets them alike. HealthImaging encodes each frame, decodes it again and compares before it answers. Orthanc
as installed stores what it is sent, which is less work; told to compress losslessly on ingest it encodes too
(to JPEG Lossless: its JPEG-LS aborts on these files), and compares nothing.
Prints one table and writes `results/orthanc.json`.
"""

import argparse
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pydicom
from rich.console import Console
from rich.table import Table

from benchmarks import samples
from benchmarks.provenance import described, keep, provenance
from benchmarks.reading import NATIVE, WARM
from benchmarks.sandbox import ROOT, Connection, Sandbox, figures, free_port, new_datastore, sandbox
from emulator.certificate import authority

PROGRAM = "Orthanc"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SECONDS_TO_START = 60
FILES = 300
AT_ONCE = 10
# Requests on one connection: Orthanc closes one that is idle for a second.
TURN = 25
BOUNDARY = "instance"
JSON = "application/dicom+json"
STOW = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
COMPRESSING = {"IngestTranscoding": "1.2.840.10008.1.2.4.70", "IngestTranscodingOfUncompressed": True}
SERVICES = {
    "healthimaging": "here",
    "orthanc": "Orthanc, storing as it comes",
    "orthanc_compressing": "Orthanc, compressing losslessly",
}
WORK = {
    "stow": "STOW-RS, one instance a request",
    "stow_many": f"STOW-RS, {AT_ONCE} instances a request",
    "frame_stored": "WADO-RS frame, as it is stored",
    "frame_decoded": "WADO-RS frame, decoded",
}


class Service(NamedTuple):
    endpoint: str
    path: str
    ca: Path | None = None


class Request(NamedTuple):
    method: str
    path: str
    accept: str
    body: bytes = b""


def side_by_side(local: Sandbox, files: int) -> dict[str, dict[str, Any]]:
    """The figures of each kind of work, by service."""
    with orthanc({}) as storing, orthanc(COMPRESSING) as compressing:
        services = {
            "healthimaging": Service(
                local.endpoint, f"/datastore/{new_datastore(local.endpoint)}", authority(local.state)
            ),
            "orthanc": Service(storing, "/dicom-web"),
            "orthanc_compressing": Service(compressing, "/dicom-web"),
        }
        ones = [[each] for each in samples.ct_series(files + WARM)]
        series = list(samples.ct_series(files + WARM * AT_ONCE))
        tens = [series[start : start + AT_ONCE] for start in range(0, len(series), AT_ONCE)]
        paths = [_frame(instance) for (instance,) in ones]
        return {
            "stow": _in_turn(services, [_stow(each) for each in ones]),
            "stow_many": _in_turn(services, [_stow(each) for each in tens], of_each=AT_ONCE),
            "frame_stored": _in_turn(services, [Request("GET", each, STORED) for each in paths]),
            "frame_decoded": _in_turn(services, [Request("GET", each, NATIVE) for each in paths]),
        }


def _in_turn(
    services: Mapping[str, Service], requests: list[Request], *, of_each: int = 1
) -> dict[str, dict[str, float]]:
    """Figures by service; `per_second` counts instances. Decoded frames must be the same everywhere."""
    taken: dict[str, list[float]] = {name: [] for name in services}
    for start in range(0, len(requests), TURN):
        turn = requests[start : start + TURN]
        answers = {}
        for name, service in services.items():
            seconds, answers[name] = _turn(service, turn)
            taken[name] += seconds
        if turn[0].accept == NATIVE and len({_pixels(each) for each in answers.values()}) > 1:
            raise SystemExit("the services decode a frame to different pixels")
    found = {name: figures(seconds[WARM:]) for name, seconds in taken.items()}
    return {
        name: {**each, "per_second": round(each["per_second"] * of_each, 1)} for name, each in found.items()
    }


def _turn(service: Service, requests: list[Request]) -> tuple[list[float], bytes]:
    """The seconds of each request, and the answer to the last."""
    connection = Connection(service.endpoint, service.ca)
    connection.send(connection.signed(ROOT, "GET", f"{service.path}/studies?limit=1"))
    taken, answer = [], b""
    for each in requests:
        headers = {"Accept": each.accept, **({"Content-Type": STOW} if each.body else {})}
        request = connection.signed(ROOT, each.method, service.path + each.path, each.body, headers)
        begin = time.perf_counter()
        answer = connection.send(request)
        taken.append(time.perf_counter() - begin)
    return taken, answer


def _stow(instances: list[bytes]) -> Request:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    parts = b"".join(head + each + b"\r\n" for each in instances)
    return Request("POST", "/studies", JSON, parts + f"--{BOUNDARY}--\r\n".encode())


@contextmanager
def orthanc(more: Mapping[str, Any]) -> Iterator[str]:
    """An Orthanc with DICOMweb on a free port, its data in a temporary folder, gone after the block."""
    program = shutil.which(PROGRAM, path="/usr/sbin:/usr/bin")
    if program is None or not PLUGIN.exists():
        raise SystemExit("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
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
            **more,
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


def table(found: Mapping[str, Any]) -> Table:
    """A row for each kind of work, and a column for each service."""
    shown = Table("instances a second, median ms, 99th percentile ms", *SERVICES.values())
    shown.title = f"{found['files']} CT instances: {described(dict(found))}"
    for kind, title in WORK.items():
        shown.add_row(title, *(_cell(found["work"][kind][name]) for name in SERVICES))
    return shown


def _cell(each: Mapping[str, float]) -> str:
    return f"{each['per_second']}/s, {each['p50_ms']}, {each['p99_ms']}"


def _frame(instance: bytes) -> str:
    found = pydicom.dcmread(BytesIO(instance), stop_before_pixels=True)
    uids = (found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID)
    return "/studies/{}/series/{}/instances/{}/frames/1".format(*uids)


def _pixels(answer: bytes) -> bytes:
    """The one part of a multipart answer."""
    boundary = answer[: answer.index(b"\r\n", 2)].strip()
    return answer.partition(b"\r\n\r\n")[2].rpartition(b"\r\n" + boundary)[0]


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"Orthanc did not answer within {SECONDS_TO_START} seconds")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orthanc", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, help=f"fewer than {FILES} are not written down")
    files = parser.parse_args().files
    origin = provenance("emulator")
    with sandbox() as local:
        found = {**origin, "files": files, "work": side_by_side(local, files)}
    Console(width=150).print(table(found))
    if files >= FILES:
        keep("orthanc", found)


if __name__ == "__main__":
    main()
