"""`ahi upload` against the S3 of a bare local AWS."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from cli import deployed, local
from cli.errors import CommandError
from cli.upload import Uploaded, files_under, upload_files, with_slash


@pytest.fixture
def s3(server: local.LocalAws) -> Any:
    deployed.use(server, "us-east-1")
    return boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-")[:60].strip("-")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        file = tmp_path / f"study-{number % 2}" / f"{number}.dcm"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes([number]) * 100)
    return tmp_path


def uploaded(s3: Any, bucket: str, folder: Path, prefix: str = "") -> Uploaded:
    return upload_files(s3, bucket, folder, files_under(folder), prefix)


def versions(s3: Any, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.list_object_versions(Bucket=bucket).get("Versions", [])]


def test_keys_are_paths_below_the_folder(s3: Any, bucket: str, folder: Path) -> None:
    result = uploaded(s3, bucket, folder)
    assert (result.uploaded, result.skipped, result.bytes) == (20, 0, 2000)
    assert sorted(versions(s3, bucket)) == sorted(f"study-{number % 2}/{number}.dcm" for number in range(20))
    body = s3.get_object(Bucket=bucket, Key="study-1/7.dcm")["Body"].read()
    assert body == bytes([7]) * 100


def test_keys_begin_with_the_prefix(s3: Any, bucket: str, folder: Path) -> None:
    uploaded(s3, bucket, folder, with_slash("site-a"))
    assert all(key.startswith("site-a/study-") for key in versions(s3, bucket))


def test_a_second_run_uploads_nothing(s3: Any, bucket: str, folder: Path) -> None:
    uploaded(s3, bucket, folder)
    again = uploaded(s3, bucket, folder)
    assert (again.uploaded, again.skipped, again.bytes) == (0, 20, 0)
    assert len(versions(s3, bucket)) == 20


def test_a_changed_file_of_the_same_size_is_uploaded_again(s3: Any, bucket: str, folder: Path) -> None:
    uploaded(s3, bucket, folder)
    (folder / "study-0" / "4.dcm").write_bytes(b"x" * 100)
    assert uploaded(s3, bucket, folder).uploaded == 1
    assert s3.get_object(Bucket=bucket, Key="study-0/4.dcm")["Body"].read() == b"x" * 100


def test_an_object_without_a_sha256_of_ours_is_replaced(s3: Any, bucket: str, folder: Path) -> None:
    s3.put_object(Bucket=bucket, Key="study-0/4.dcm", Body=bytes([4]) * 100)
    assert uploaded(s3, bucket, folder).skipped == 0


def test_a_large_file_goes_up_in_parts_whole(s3: Any, bucket: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 80_000
    (tmp_path / "large.dcm").write_bytes(content)
    uploaded(s3, bucket, tmp_path)
    assert s3.get_object(Bucket=bucket, Key="large.dcm")["Body"].read() == content
    assert uploaded(s3, bucket, tmp_path).skipped == 1


def test_a_prefix_is_a_folder() -> None:
    assert [with_slash(prefix) for prefix in ("", "a", "a/")] == ["", "a/", "a/"]


def test_the_local_aws_answers_and_is_found_again(server: local.LocalAws) -> None:
    assert local.running(server.state) == server
    assert local.start(server.state) == server


def test_a_running_local_aws_cannot_move_to_another_port(server: local.LocalAws) -> None:
    with pytest.raises(CommandError, match=f"already runs on port {server.port}"):
        local.start(server.state, server.port + 1)


def test_a_port_that_is_taken_is_refused(server: local.LocalAws, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"port {server.port} is taken"):
        local.start(tmp_path, server.port)


def test_a_stopped_local_aws_keeps_its_port(tmp_path: Path) -> None:
    port = local.free_port()
    first = local.start(tmp_path, port)
    assert local.stop(tmp_path)
    assert local.running(tmp_path) is None
    with pytest.raises(CommandError, match=f"deployed on port {port}"):
        local.start(tmp_path, port + 1)
    again = local.start(tmp_path)
    assert again.port == first.port
    assert local.stop(tmp_path)
    assert not local.stop(tmp_path)
