"""Point 5: files of partners' buckets, in memory: told of, found by the sweep, read and never changed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.s3 import ACCOUNT, INPUT, MemoryS3
from benchmarks.memory_aws.world import P10, Message, World, upload_event
from lambdas import clients
from lambdas.adapters.storage import CopyRefusedError, Storage
from lambdas.importing.files import File, Status
from lambdas.importing.routing import NO_DATA_STORE, NO_VERSION, Partner
from lambdas.importing.sources import AfterImport, Sources

BUCKET, PARTNER = "radnet-out", "111122223333"
RADNET = Partner(
    id="radnet", bucket=BUCKET, account=PARTNER, region="us-east-1", store="main", prefix="sent/"
)
OTHER = replace(RADNET, id="other", bucket="other-out", account="222233334444", prefix="")


class Clinic(World):
    """A world with partners, each of which owns its bucket."""

    def __init__(self, *partners: Partner, after_import: AfterImport = AfterImport.KEEP) -> None:
        settings = World().settings
        sources = Sources(after_import=after_import, delete_after=timedelta(days=1))
        super().__init__(replace(settings, partners=partners or (RADNET,), sources=sources))
        for partner in self.settings.partners:
            self.s3.owners[partner.bucket] = partner.account

    def put(self, key: str, *, tell: bool = True, account: str = PARTNER, **changes: str) -> str:
        version = self.s3.put(BUCKET, key, P10 + b"dicom")
        event = upload_event(key, version, 137, self.clock, bucket=BUCKET, account=account)
        event["detail"]["object"] |= changes
        if tell:
            self.messages.append(Message(queue="uploads", body=event, at=self.clock))
        return version

    def rows(self, folder: str = "sent/a/") -> dict[str, File]:
        return {row.key: row for row in self.ledger.files(BUCKET, folder)}

    def requests(self) -> list[dict[str, str]]:
        return [job.request for job in self.imaging.jobs.values()]


def test_an_upload_to_a_partners_bucket_is_imported_in_place_in_its_owners_name() -> None:
    world = Clinic()
    world.put("sent/a/1")
    world.settle()

    assert world.rows()["sent/a/1"].status is Status.IMPORTED
    (request,) = world.requests()
    assert (request["inputS3Uri"], request["inputOwnerAccountId"]) == (f"s3://{BUCKET}/sent/a/", PARTNER)


def test_copies_of_a_partners_files_are_ours() -> None:
    world = Clinic()
    world.put("sent/a/1")
    world.settle()
    world.put("sent/a/2")
    world.settle()

    assert {row.status for row in world.rows().values()} == {Status.IMPORTED}
    staged = world.requests()[-1]
    assert staged["inputS3Uri"].startswith("s3://staging/main/")
    assert staged["inputOwnerAccountId"] == ACCOUNT


def test_the_same_key_in_our_bucket_is_another_file() -> None:
    world = Clinic()
    world.put("sent/a/1")
    world.upload("sent/a/1")
    world.settle()

    assert world.rows()["sent/a/1"].status is Status.IMPORTED
    assert [row.status for row in world.ledger.files(INPUT, "sent/a/")] == [Status.IMPORTED]
    assert {request["inputOwnerAccountId"] for request in world.requests()} == {PARTNER, ACCOUNT}


def test_an_upload_whose_event_was_lost_is_found_by_the_sweep() -> None:
    world = Clinic()
    world.put("sent/a/1", tell=False)
    world.put("kept/1", tell=False)
    world.settle()

    assert world.rows()["sent/a/1"].status is Status.IMPORTED
    assert not world.rows("kept/")


@pytest.mark.parametrize("account", [ACCOUNT, OTHER.account])
def test_an_event_that_claims_another_account_is_refused(account: str) -> None:
    world = Clinic()
    world.put("sent/a/1", account=account)

    world.deliver(*world.ready("uploads"))

    assert not world.rows()
    # It stays in the queue, whose dead letters raise the alarm.
    assert [message.queue for message in world.messages] == ["uploads"]


def test_an_event_of_a_bucket_that_is_a_partners_no_more_is_refused() -> None:
    world = Clinic(OTHER)
    world.put("sent/a/1")

    world.deliver(*world.ready("uploads"))

    assert not world.rows()


def test_a_key_beside_the_partners_prefix_is_skipped() -> None:
    world = Clinic()
    world.put("kept/1")
    world.settle(sweeping=False)

    assert world.rows("kept/")["kept/1"].reason == NO_DATA_STORE


def test_a_file_without_a_version_fails_with_what_its_owner_does_about_it() -> None:
    world = Clinic()
    world.put("sent/a/1", **{"version-id": "null"})
    world.deliver(*world.ready("uploads"))

    row = world.rows()["sent/a/1"]
    assert (row.status, row.reason) == (Status.FAILED, NO_VERSION)
    assert not world.requests()


def test_a_bucket_that_another_account_has_by_now_is_not_read_and_keeps_no_other_from_being_swept() -> None:
    world = Clinic(OTHER, RADNET)
    world.s3.owners[OTHER.bucket] = "333344445555"
    world.s3.put(OTHER.bucket, "a/1", P10 + b"dicom")
    world.put("sent/a/1", tell=False)
    world.upload("ours/1", times=0)
    world.pass_time(120)

    with pytest.raises(Exception, match="AccessDenied"):
        world.sweep()
    world.settle(sweeping=False)

    assert world.rows()["sent/a/1"].status is Status.IMPORTED
    assert world.fates()["ours/1"] == "IMPORTED"
    assert not world.ledger.files(OTHER.bucket, "a/")


@pytest.mark.parametrize("after_import", [AfterImport.TAG, AfterImport.DELETE])
def test_what_becomes_of_our_sources_becomes_of_no_partners(after_import: AfterImport) -> None:
    world = Clinic(after_import=after_import)
    ours, theirs = world.upload("a/1"), world.put("sent/a/1")
    world.settle()
    world.pass_time(3 * 86_400)
    world.sweep()
    world.settle()

    assert [one.version for one in world.s3.history(BUCKET)] == [theirs]
    is_tagged = (INPUT, "a/1", ours) in world.s3.tags
    assert is_tagged is (after_import is AfterImport.TAG)
    assert (BUCKET, "sent/a/1", theirs) not in world.s3.tags


def test_a_large_bucket_leaves_time_to_sweep_the_others() -> None:
    world = Clinic()
    for number in range(40):
        world.upload(f"ours/{number:02}", times=0)
    world.put("sent/a/1", tell=False)
    world.pass_time(120)

    world.sweeper.sweep(Ticking())

    told = {message.body["detail"]["bucket"]["name"] for message in world.ready("uploads")}
    assert told == {INPUT, BUCKET}
    assert world.ledger.bookmark.key(INPUT)
    assert not world.ledger.bookmark.key(BUCKET)


class Ticking:
    """A minute and a half of which 10 s are gone each time that somebody asks."""

    def __init__(self) -> None:
        self.left = 100_000

    def __call__(self) -> int:
        self.left -= 10_000
        return self.left


def test_a_partner_that_takes_its_policy_back_rings_and_keeps_nobody_elses_files_waiting() -> None:
    """Its folder is the oldest, so each tick comes to it first, and fails at its end, which rings the alarm
    of the function's errors; the messages that plan folders are lost."""
    world = Clinic()
    world.put("sent/a/1")
    world.deliver_ready()
    world.pass_time(1)
    world.upload("ours/1")
    world.deliver_ready()
    world.messages.clear()
    world.s3.owners[BUCKET] = "333344445555"
    world.pass_time(90)

    with pytest.raises(ClientError, match="AccessDenied"):
        world.tick()
    world.deliver(*world.ready("start"))
    world.end_job()
    world.deliver(*world.ready("results"))

    assert world.fates()["ours/1"] == "IMPORTED"
    assert world.rows()["sent/a/1"].status is Status.WAITING

    world.s3.owners[BUCKET] = PARTNER
    world.settle()
    assert world.rows()["sent/a/1"].status is Status.IMPORTED


def test_each_bucket_is_asked_in_its_own_region_for_its_owners() -> None:
    far = replace(RADNET, region="eu-west-1")
    storage = clients.storage(replace(World().settings, partners=(far, OTHER)))

    asked = {bucket: storage._client(bucket).meta.region_name for bucket in (INPUT, BUCKET, OTHER.bucket)}

    assert asked == {INPUT: "us-east-1", BUCKET: "eu-west-1", OTHER.bucket: "us-east-1"}
    assert storage._at(BUCKET) == {"Bucket": BUCKET, "ExpectedBucketOwner": PARTNER}
    assert storage._at(INPUT) == {"Bucket": INPUT, "ExpectedBucketOwner": ACCOUNT}


class Forbidding(MemoryS3):
    """What S3 is to one who may list a part of a bucket only: it tells of no object whether it is there."""

    def copy_object(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "CopyObject")


def test_a_partners_file_that_is_gone_is_told_from_one_that_is_forbidden() -> None:
    world = Clinic()
    s3 = Forbidding(world.now)
    version = s3.put(BUCKET, "sent/a/1", b"dicom")
    file = File(bucket=BUCKET, folder="sent/a/", name="1", version=version, size=5, uploaded_at=world.clock)

    with pytest.raises(CopyRefusedError, match="AccessDenied"):
        Storage(s3).copy(file, "staging", "main/job/sent/a/1")
    s3.forget(BUCKET, "sent/a/1", version)

    assert not Storage(s3).copy(file, "staging", "main/job/sent/a/1")


def test_a_file_of_a_bucket_without_versions_is_not_redriven() -> None:
    """Its row would be IMPORTED, and whatever the sender puts there next has the same."""
    world = Clinic()
    world.put("sent/a/1", **{"version-id": "null"})
    world.settle()
    (row,) = world.ledger.failed_files()

    assert world.redrive(row) == []


def test_point_14_a_folder_outside_a_prefix_that_was_narrowed_fails_and_keeps_nothing_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Clinic(replace(RADNET, prefix=""))
    world.put("all/1.dcm")
    world.deliver_ready()
    world.settings = replace(world.settings, partners=(RADNET,))
    world.deploy_again()
    paginate = MemoryS3.paginate

    def as_the_partners_policy_says(self: MemoryS3, Bucket: str, Prefix: str = "", **request: Any) -> Any:  # noqa: N803
        if Bucket == BUCKET and not Prefix.startswith(RADNET.prefix):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "ListObjectVersions")
        return paginate(self, Bucket=Bucket, Prefix=Prefix, **request)

    monkeypatch.setattr(MemoryS3, "paginate", as_the_partners_policy_says)
    world.put("sent/a/1.dcm")
    world.settle()

    assert world.rows()["sent/a/1.dcm"].status is Status.IMPORTED
    (failed,) = world.ledger.failed_files()
    assert (failed.key, failed.reason) == ("all/1.dcm", NO_DATA_STORE)


def test_point_14_what_waits_in_the_bucket_of_a_former_partner_fails() -> None:
    world = Clinic()
    world.put("sent/a/1")
    world.deliver_ready()
    world.settings = replace(world.settings, partners=())
    world.deploy_again()
    world.upload("ours/1.dcm")

    world.settle()

    assert world.rows()["sent/a/1"].reason == NO_DATA_STORE
    assert world.fates() == {"ours/1.dcm": "IMPORTED"}
