"""How fast a job imports, beside the same work without S3, HTTP and a database, and what memory it takes."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import samples
from benchmarks.processes import cpu_seconds, family, watched
from benchmarks.sandbox import REGION, Sandbox
from emulator.aws import Credentials
from emulator.imports import placing
from emulator.imports.importing import import_instance
from emulator.imports.manifests import manifest_files
from emulator.imports.outcomes import Imported, Source
from emulator.imports.role_s3 import RoleS3
from emulator.p10.reading import read_instance
from emulator.storage import Row, Storage

CORES = os.cpu_count() or 1
JOB = {"id": "0" * 32, "datastore_id": "", "input_uri": "s3://bucket/in/", "output_uri": "s3://bucket/out/"}


def ct_import(sandbox: Sandbox, files: Path, count: int) -> tuple[dict[str, Any], list[Imported]]:
    """Files a second of a job and of its bound, and the seconds of each part measured by itself."""
    for number, data in enumerate(samples.ct_series(count)):
        (files / f"{number:04}.dcm").write_bytes(data)
    paths = sorted(files.glob("*.dcm"))
    s3 = sandbox.client("s3")
    for path in paths:
        s3.put_object(Bucket=sandbox.bucket, Key=f"in/{path.name}", Body=path.read_bytes())
    s3.put_object(Bucket=sandbox.bucket, Key="warm/1.dcm", Body=paths[0].read_bytes())
    s3.put_object(Bucket=sandbox.bucket, Key="warm/2.dcm", Body=paths[0].read_bytes())
    # The first job starts the worker processes.
    sandbox.import_folder("warm/")

    before = _cpu(sandbox.pid)
    seconds, _ = sandbox.import_folder("in/")
    after = _cpu(sandbox.pid)
    parts, cpu_of_bound, imported = _parts(sandbox, files, paths)
    bound = count / parts["worker"]
    server, workers = after[0] - before[0], after[1] - before[1]
    found = {
        "files": count,
        "bytes": sum(path.stat().st_size for path in paths),
        "seconds": round(seconds, 3),
        "files_per_second": round(count / seconds, 1),
        "bound_files_per_second": round(bound, 1),
        "share_of_bound": round(count / seconds / bound, 3),
        "seconds_of_parts": {name: round(each, 3) for name, each in parts.items()},
        "seconds_unaccounted": round(seconds - sum(parts.values()), 3),
        "cpu_seconds_of_server": round(server, 2),
        "cpu_seconds_of_workers": round(workers, 2),
        "cpu_seconds_of_bound": round(cpu_of_bound, 2),
        "share_of_bound_by_cpu": round(cpu_of_bound / (server + workers), 3),
    }
    return found, imported


def multi_frame_import(sandbox: Sandbox, folder: Path, frames: int) -> dict[str, Any]:
    """Peak memory while one large instance is imported."""
    path = folder / "multi-frame.dcm"
    samples.write_multi_frame(path, frames)
    sandbox.client("s3").upload_file(str(path), sandbox.bucket, "large/1.dcm")
    with watched(sandbox.pid) as peak:
        seconds, _ = sandbox.import_folder("large/")
    return {
        "bytes": path.stat().st_size,
        "frames": frames,
        "seconds": round(seconds, 2),
        "peak_bytes_of_server": peak.server,
        "peak_bytes_of_workers": peak.workers,
        "peak_bytes_together": peak.together,
    }


def place(storage: Storage, datastore: Row, job_id: str, imported: list[Imported]) -> list[placing.Placement]:
    """What a job does once all its files are read."""
    with placing.planned(storage, datastore, job_id, imported) as placements:
        written, _ = placing.write_documents(storage, datastore, placements)
        with storage.writing() as connection:
            for each in written:
                placing.store(connection, datastore, each)
    return placements


def _parts(
    sandbox: Sandbox, files: Path, paths: list[Path]
) -> tuple[dict[str, float], float, list[Imported]]:
    """Seconds of each part, the CPU seconds of the bound, and what it made."""
    storage = Storage(files / "storage")
    source = _source(sandbox, str(storage.frames))
    datastore = Storage(sandbox.state / "healthimaging").row(
        "SELECT * FROM datastores WHERE id = ?", sandbox.datastore_id
    )
    assert datastore is not None
    s3 = RoleS3(source)
    parts = {}
    with _pool() as run:
        parts["s3_read"], _ = _timed(
            lambda: run(partial(_get, source), [f"in/{each.name}" for each in paths])
        )
        before = _cpu_of_pool()
        parts["worker"], imported = _timed(lambda: run(partial(_import, source.frames), map(str, paths)))
        cpu_of_bound = _cpu_of_pool() - before
    parts["placing"], placements = _timed(lambda: place(storage, datastore, JOB["id"], imported))
    parts["manifest"], _ = _timed(lambda: _write_manifests(s3, source.bucket, imported, placements))
    return parts, cpu_of_bound, imported


def _write_manifests(
    s3: RoleS3, bucket: str, imported: list[Imported], placements: list[placing.Placement]
) -> None:
    for path, content in manifest_files(JOB, list(imported), placing.placed(placements)).items():
        s3.put(bucket, f"manifest/{path}", content)


def _source(sandbox: Sandbox, frames: str) -> Source:
    session = sandbox.role_session()
    return Source(
        endpoint=sandbox.endpoint,
        region=REGION,
        credentials=Credentials(session.access_key, session.secret_key, session.token),
        bucket=sandbox.bucket,
        job_id=JOB["id"],
        frames=frames,
        lossless_format="HTJ2K",
    )


@contextmanager
def _pool() -> Iterator[Callable[[Callable[[str], Any], Iterable[str]], list[Any]]]:
    """As many processes as cores, started and with everything imported."""
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.2] * CORES))
        yield lambda work, items: list(pool.map(work, items, chunksize=4))


def _cpu_of_pool() -> float:
    return sum(cpu_seconds(each.pid) for each in multiprocessing.active_children() if each.pid)


def _import(frames: str, path: str) -> Imported:
    file = Path(path)
    return import_instance(
        read_instance(file.read_bytes()), file.name, job_id=JOB["id"], frames=frames, lossless_format="HTJ2K"
    )


def _get(source: Source, key: str) -> int:
    if source not in _clients:
        _clients[source] = RoleS3(source)
    return len(_clients[source].get(key))


_clients: dict[Source, RoleS3] = {}


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


def _cpu(pid: int) -> tuple[float, float]:
    own, *others = [cpu_seconds(each) for each in family(pid)]
    return own, sum(others)
