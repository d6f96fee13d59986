"""What a deployment file may say, and the words in which it is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.deployment import FOLDER, Deployment, load_deployment, refuse_own_account
from config.errors import DeploymentError

SANDBOX = yaml.safe_load((FOLDER / "sandbox.yaml").read_text())
VPC = "vpc-00000001"
RADNET = {"bucket": "radnet-out", "account": "111122223333", "region": "us-east-1", "data_store": "main"}
KEY = "arn:aws:kms:{}:{}:{}"


def partners(**changes: Any) -> dict[str, Any]:
    return {"partners": {"radnet": {**RADNET, **changes}}}


@pytest.fixture
def refusal(tmp_path: Path) -> Any:
    """The text that refuses the sandbox with these changes."""

    def refuse(**changes: Any) -> str:
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump({**SANDBOX, **changes}))
        with pytest.raises(DeploymentError) as refused:
            load_deployment(str(path))
        assert str(path) in str(refused.value)
        return str(refused.value)

    return refuse


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_deployment_of_this_repository_loads_under_the_name_of_its_file(path: Path) -> None:
    assert load_deployment(path.stem).name == path.stem
    assert path.read_text().startswith("# yaml-language-server: $schema=../docs/reference/")


def test_another_region_is_refused_with_the_list(refusal: Any) -> None:
    text = refusal(region="eu-central-1")
    assert "region\n  given: 'eu-central-1'" in text
    for region in ("us-east-1", "us-west-2", "ap-southeast-2", "eu-west-1", "eu-west-2"):
        assert region in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, ["colour\n", "does not exist", "allowed: name, account, region"]),
        ({"data_stores": {"main": {"name": "a", "tint": 1}}}, ["data_stores.main.tint", "name, prefix"]),
        ({"data_stores": {}}, ["data_stores\n", "given: {}", "at least 1"]),
        ({"data_stores": {"Main": {"name": "a"}}}, ["data_stores.Main", "^[a-z][a-z0-9]"]),
        ({"data_stores": {"main": {"name": "a b"}}}, ["data_stores.main.name", "'a b'"]),
        ({"data_stores": {"main": {"name": "a", "prefix": "ct"}}}, ["data_stores.main.prefix", "'ct'"]),
        ({"data_stores": {"main": {}}}, ["data_stores.main.name", "given: nothing"]),
        ({"account": 123456789012}, ["account\n", "12 digits in quotes"]),
        ({"account": "1234"}, ["account\n", "'1234'"]),
        ({"quotas": {"start_rate": "fast"}}, ["quotas.start_rate", "'fast'", "a valid number"]),
        ({"quotas": {"bytes_per_job": 10 * 1024**3 + 1}}, ["quotas.bytes_per_job", "10737418240"]),
        ({"quotas": {"start_rate": 0}}, ["quotas.start_rate", "greater than 0"]),
        (
            {"quotas": {"start_rate": 20.0}},
            ["quotas.start_rate_ceiling", "given: 10.0", "at least start_rate, which is 20.0"],
        ),
        ({"quotas": 5}, ["quotas\n", "given: 5", "allowed: a mapping of keys to values"]),
        ({"stacks": "watch"}, ["stacks\n", "given: 'watch'", "allowed: a list"]),
        (
            {"data_stores": {"one": {"name": "a"}, "two": {"name": "b", "prefix": "ct/"}}},
            ["data_stores\n", "given: one '', two 'ct/'", "prefixes that do not overlap"],
        ),
        ({"keep_data": "no"}, ["keep_data", "'no'", "a valid boolean"]),
        ({"retention": {**SANDBOX["retention"], "logs_days": 8}}, ["retention.logs_days", "given: 8"]),
        (
            {"import_timing": {"quiet_seconds": 60, "longest_wait_seconds": 6, "sweep_minutes": 1}},
            ["import_timing.longest_wait_seconds", "given: 6", "at least quiet_seconds, which is 60"],
        ),
        ({"alarms": {"emails": ["nobody"]}}, ["alarms.emails.0", "'nobody'"]),
        ({"tags": {"a": "x" * 257}}, ["tags.a", "at most 256"]),
        (partners(account="1234"), ["partners.radnet.account", "'1234'"]),
        (partners(bucket="Radnet_Out"), ["partners.radnet.bucket", "'Radnet_Out'"]),
        (partners(region="eu-central-1"), ["partners.radnet.region", "'eu-west-1'"]),
        (partners(prefix="sent"), ["partners.radnet.prefix", "'sent'"]),
        (partners(prefix="*/"), ["partners.radnet.prefix", "'*/'"]),
        (partners(data_store="other"), ["partners\n", "ids of data_stores, which are main: not other"]),
        (
            partners(key_arn=KEY.format("us-east-1", RADNET["account"], "alias/dicom")),
            ["partners.radnet.key_arn", "alias/dicom"],
        ),
        (
            partners(key_arn=KEY.format("us-west-2", RADNET["account"], "key/1")),
            ["partners.radnet\n", "a key beside the bucket: arn:aws:kms:us-east-1:111122223333:key/"],
        ),
        (
            partners(key_arn=KEY.format("us-east-1", "444455556666", "key/1")),
            ["partners.radnet\n", "a key beside the bucket"],
        ),
        (
            {**partners(), "account": RADNET["account"]},
            ["partners\n", "radnet has 111122223333, the deployment's own"],
        ),
        (
            {"partners": {"radnet": RADNET, "again": RADNET}},
            ["partners\n", "a bucket of its own for each partner: radnet-out is named twice"],
        ),
        (
            {**partners(region="eu-west-1"), "stacks": ["network"]},
            ["partners\n", "the bucket of radnet lies in eu-west-1"],
        ),
        (
            {"name": "a" * 21, "data_stores": {"b" * 25: {"name": "a"}}},
            ["data_stores\n", "names of roles of 64 characters at most", "has 68"],
        ),
        ({"stacks": ["backup"]}, ["stacks.0", "'backup'", "'watch'"]),
        ({"key_administrators": ["*"]}, ["key_administrators.0", "'*'"]),
        ({"network": {"cidr": "10.0.0.0/8"}}, ["network.cidr", "'10.0.0.0/8'"]),
        ({"network": {"subnet_ids": ["subnet-00000001"]}}, ["network", "vpc_id with subnet_ids"]),
        ({"network": {"vpc_id": VPC, "cidr": "10.0.0.0/24"}}, ["network", "one subnet", "for each of zones"]),
        (
            {"network": {"vpc_id": VPC, "zones": ["a"], "subnet_ids": ["subnet-00000001"]}},
            ["network", "cidr beside vpc_id"],
        ),
    ],
)
def test_a_refusal_names_the_key_what_was_given_and_what_is_allowed(
    refusal: Any, changes: dict[str, Any], words: list[str]
) -> None:
    text = refusal(**changes)
    for word in words:
        assert word in text


def test_every_wrong_key_is_named_at_once(refusal: Any) -> None:
    text = refusal(region="mars", keep_data="maybe")
    assert "region" in text
    assert "keep_data" in text


@pytest.mark.parametrize("text", ["", "- a list", "a: [unclosed"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(DeploymentError, match=r"odd\.yaml"):
        load_deployment(str(path))


def test_a_name_without_a_file_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(DeploymentError, match="staging: no such deployment"):
        load_deployment("staging")


def test_sydney_runs_fewer_jobs_at_once_unless_the_file_says_more() -> None:
    sydney = {**SANDBOX, "region": "ap-southeast-2"}
    assert Deployment.model_validate(sydney).quotas.concurrent_jobs == 20
    assert (
        Deployment.model_validate({**sydney, "quotas": {"concurrent_jobs": 50}}).quotas.concurrent_jobs == 50
    )
    assert Deployment.model_validate(SANDBOX).quotas.concurrent_jobs == 100


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3)
PREFIXES = SEGMENTS.map(lambda parts: "".join(f"{part}/" for part in parts))


@given(one=PREFIXES, other=PREFIXES)
def test_two_stores_never_both_get_a_key(one: str, other: str) -> None:
    stores = {"one": {"name": "one", "prefix": one}, "other": {"name": "other", "prefix": other}}
    deployment = {**SANDBOX, "data_stores": stores}
    if one.startswith(other) or other.startswith(one):
        with pytest.raises(ValueError, match="prefixes that do not overlap"):
            Deployment.model_validate(deployment)
    else:
        assert len(Deployment.model_validate(deployment).data_stores) == 2


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """YAML would take the last, and a partner or a data store would be gone without a word."""
    path = tmp_path / "twice.yaml"
    path.write_text("name: a\npartners:\n  radnet: {}\n  radnet: {}\n")
    with pytest.raises(DeploymentError, match="the key 'radnet' stands there twice"):
        load_deployment(str(path))


def test_a_partner_with_the_account_of_whoever_deploys_is_refused() -> None:
    deployment = Deployment.model_validate({**SANDBOX, **partners()})
    refuse_own_account(deployment, "444455556666")
    with pytest.raises(DeploymentError, match="radnet has 111122223333"):
        refuse_own_account(deployment, RADNET["account"])
