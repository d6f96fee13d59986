"""A bucket of another account: whom its policy lets in, whose it must be, whose key it uses."""

import json
import uuid
from typing import Any

import pytest
from ct_files import ct_file
from iam_users import User, answer
from local_aws import ACCOUNT, LocalAws, Store

OWNER = "555566667777"
READ = ["s3:ListBucket", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "kms:Decrypt"]


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Foreign:
    """A bucket of `OWNER`, and a user of our account who has every right of his own to read it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.bucket = aws, f"foreign-{uuid.uuid4().hex[:8]}"
        self.theirs, self.ours = aws.client("s3", OWNER), aws.client("s3")
        self.theirs.create_bucket(Bucket=self.bucket)
        self.theirs.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.user = User(aws, {"Action": READ, "Resource": "*"})
        self.s3 = self.user.client("s3")
        self.arn = self.user.client("sts").get_caller_identity()["Arn"]

    def put(self, body: bytes, **parameters: Any) -> str:
        put = self.theirs.put_object(Bucket=self.bucket, Key="in/1", Body=body, **parameters)
        return str(put["VersionId"])

    def admit(self, principal: str | None = None, **conditions: Any) -> None:
        """Let our account in, but only that principal of it."""
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ["s3:ListBucket", "s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/in/*"],
            "Condition": {"ArnEquals": {"aws:PrincipalArn": principal or self.arn}, **conditions},
        }
        self.theirs.put_bucket_policy(Bucket=self.bucket, Policy=document(statement))

    def read(self, s3: Any = None, **parameters: Any) -> str:
        return answer((s3 or self.s3).get_object, Bucket=self.bucket, Key="in/1", **parameters)


@pytest.fixture
def foreign(aws: LocalAws) -> Foreign:
    return Foreign(aws)


def test_it_lets_in_whom_its_policy_names_and_nobody_else_of_the_account(
    foreign: Foreign, aws: LocalAws
) -> None:
    foreign.put(b"x")
    assert foreign.read() == "AccessDenied"

    foreign.admit()

    assert foreign.read() == "allowed"
    assert foreign.read(User(aws, {"Action": READ, "Resource": "*"}).client("s3")) == "AccessDenied"
    assert foreign.read(foreign.ours) == "AccessDenied"


def test_what_the_policy_allows_the_callers_own_must_too(foreign: Foreign, aws: LocalAws) -> None:
    other = User(aws, {"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    foreign.put(b"x")
    foreign.admit(other.client("sts").get_caller_identity()["Arn"])

    assert foreign.read(other.client("s3")) == "AccessDenied"


def test_a_part_of_it_is_listed(foreign: Foreign) -> None:
    foreign.put(b"x")
    foreign.admit(StringLike={"s3:prefix": "in/*"})

    assert answer(foreign.s3.list_objects_v2, Bucket=foreign.bucket, Prefix="in/") == "allowed"
    assert answer(foreign.s3.list_objects_v2, Bucket=foreign.bucket, Prefix="out/") == "AccessDenied"
    assert answer(foreign.s3.list_objects_v2, Bucket=foreign.bucket) == "AccessDenied"


def test_a_version_is_copied_out_of_it_whole_and_in_parts(foreign: Foreign) -> None:
    old = foreign.put(b"0123456789", ContentType="application/dicom", Metadata={"ward": "7"})
    foreign.put(b"newer")
    foreign.admit()
    target = f"target-{foreign.bucket}"
    foreign.ours.create_bucket(Bucket=target)
    source = {"Bucket": foreign.bucket, "Key": "in/1", "VersionId": old}

    foreign.s3.copy_object(CopySource=source, Bucket=target, Key="whole")
    upload = foreign.s3.create_multipart_upload(Bucket=target, Key="parts")["UploadId"]
    part = foreign.s3.upload_part_copy(
        CopySource=source,
        CopySourceRange="bytes=2-5",
        Bucket=target,
        Key="parts",
        UploadId=upload,
        PartNumber=1,
    )["CopyPartResult"]
    foreign.s3.complete_multipart_upload(
        Bucket=target,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )

    whole = foreign.ours.get_object(Bucket=target, Key="whole")
    assert (whole["Body"].read(), whole["ContentType"], whole["Metadata"]) == (
        b"0123456789",
        "application/dicom",
        {"ward": "7"},
    )
    assert foreign.ours.get_object(Bucket=target, Key="parts")["Body"].read() == b"2345"
    gone = {**source, "VersionId": str(uuid.uuid4())}
    assert answer(foreign.s3.copy_object, CopySource=gone, Bucket=target, Key="gone") == "NoSuchVersion"


def test_an_expected_owner_is_the_owner_or_nobody_is_answered(foreign: Foreign) -> None:
    foreign.put(b"x")
    foreign.admit()
    target = f"target-{foreign.bucket}"
    foreign.ours.create_bucket(Bucket=target)
    copy = {"CopySource": f"{foreign.bucket}/in/1", "Bucket": target, "Key": "copy"}

    assert foreign.read(ExpectedBucketOwner=OWNER) == "allowed"
    assert foreign.read(ExpectedBucketOwner=ACCOUNT) == "AccessDenied"
    assert answer(foreign.s3.copy_object, **copy, ExpectedSourceBucketOwner=OWNER) == "allowed"
    assert answer(foreign.s3.copy_object, **copy, ExpectedSourceBucketOwner=ACCOUNT) == "AccessDenied"
    assert answer(foreign.s3.copy_object, **copy, ExpectedBucketOwner=OWNER) == "AccessDenied"


@pytest.mark.parametrize(("account", "expected"), [(OWNER, "allowed"), (ACCOUNT, "AccessDenied")])
def test_a_policy_of_the_callers_may_name_the_buckets_account(
    aws: LocalAws, account: str, expected: str
) -> None:
    foreign = Foreign(aws)
    condition = {"StringEquals": {"aws:ResourceAccount": account}}
    held = User(aws, {"Action": READ, "Resource": "*", "Condition": condition})
    foreign.put(b"x")
    foreign.admit(held.client("sts").get_caller_identity()["Arn"])

    assert foreign.read(held.client("s3")) == expected


def test_its_objects_key_must_let_the_caller_in_too(foreign: Foreign) -> None:
    own = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    kms = foreign.aws.client("kms", OWNER)
    key = kms.create_key(Policy=document(own))["KeyMetadata"]["Arn"]
    foreign.put(b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    foreign.admit()
    assert foreign.read() == "AccessDenied"

    decrypts = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": foreign.arn},
            "StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"},
        },
    }
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(own, decrypts))

    assert foreign.read() == "allowed"


def test_a_job_reads_it_in_another_region_in_its_owners_name(aws: LocalAws, store: Store) -> None:
    theirs = aws.client("s3", OWNER, "eu-west-1")
    bucket = f"far-{uuid.uuid4().hex[:8]}"
    theirs.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    theirs.put_object(Bucket=bucket, Key="in/1.dcm", Body=ct_file())
    admits = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/in/*"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": store.role}},
    }
    theirs.put_bucket_policy(Bucket=bucket, Policy=document(admits))
    job = {"inputS3Uri": f"s3://{bucket}/in/", "outputS3Uri": f"s3://{store.bucket}/out/"}

    refused = store.run(**job, inputOwnerAccountId=ACCOUNT)
    untold = store.run(**job)
    read = store.run(**job, inputOwnerAccountId=OWNER)

    assert (refused["jobStatus"], read["jobStatus"]) == ("FAILED", "COMPLETED")
    assert untold["message"] == (
        "the input bucket belongs to another account: name it as inputOwnerAccountId"
    )
    assert store.summary(read)["numberOfImportedFiles"] == 1
