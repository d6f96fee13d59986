"""What runs on an account too is kept honest: it uses only what boto3 offers."""

import ast
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from ct_files import ct_file
from local_aws import LocalAws, Store

MARK = "pytest.mark.also_on_aws"
HERE = Path(__file__).parent
# What makes files, and the data store of the test. Nothing else that is ours, of the emulator least of all.
HONEST = {"ct_files", "local_aws", "test_updates"}
OURS = {"emulator", *(path.stem for path in HERE.glob("*.py"))}
MARKED = [
    path
    for path in sorted(HERE.glob("test_*.py"))
    if path != Path(__file__) and MARK in path.read_text(encoding="utf-8")
]


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


def test_seven_modules_run_on_an_account_too() -> None:
    assert len(MARKED) == 7


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.name)
def test_what_runs_on_an_account_too_uses_only_what_boto3_offers(path: Path) -> None:
    assert (imported(path) & OURS) - HONEST == set()


def test_nothing_of_a_data_store_is_left_on_the_account(aws: LocalAws) -> None:
    store = Store(aws)
    store.import_files({"1.dcm": ct_file()})
    store.delete()

    assert store.properties()["datastoreStatus"] in ("DELETING", "DELETED")
    with pytest.raises(ClientError, match="404"):
        store.s3.head_bucket(Bucket=store.bucket)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        store.iam.get_role(RoleName=store.role.rpartition("/")[2])
