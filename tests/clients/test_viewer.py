"""The modules of examples/viewer get and decode frames as they do in a page, which `make viewer` looks at."""

from typing import Any

import numpy as np
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from local_aws import ACCOUNT, REGION, LocalAws
from viewer_files import NOT_SHOWN, SHOWN, Imported, frames_of, imported, run_node

KEYS = {"keyId": ACCOUNT, "secret": "a secret", "token": "a token"}
TO_SIGN = {"url": "https://example.org:8443/datastore/0/imageSet/1/getImageFrame", "body": '{"a": "ü"}'}


@pytest.fixture(scope="module")
def files(aws: LocalAws) -> Imported:
    return imported(aws)


@pytest.fixture(scope="module")
def answered(aws: LocalAws, files: Imported) -> Any:
    asked = {
        "endpoint": aws.endpoint,
        "region": REGION,
        "credentials": KEYS,
        "datastore": files.store.id,
        "imageSets": list(files.image_sets.values()),
        "toSign": TO_SIGN,
    }
    return run_node("viewer_in_node.mjs", asked, aws)


@pytest.mark.parametrize("name", SHOWN)
def test_the_viewer_decodes_the_pixels_that_pydicom_reads_in_the_source(
    name: str, files: Imported, answered: Any
) -> None:
    expected = frames_of(name)
    found = answered["frames"][files.image_sets[name]]

    assert len(found) == len(expected)
    for frame, pixels in zip(found, expected, strict=True):
        assert (frame["height"], frame["width"]) == pixels.shape[:2]
        np.testing.assert_array_equal(np.array(frame["values"]).reshape(pixels.shape), pixels)


def test_the_viewer_says_which_frames_it_does_not_decode(files: Imported, answered: Any) -> None:
    (frame,) = answered["frames"][files.image_sets["SC_rgb_jpeg.dcm"]]
    assert frame["error"] == NOT_SHOWN["SC_rgb_jpeg.dcm"]


def test_the_viewer_finds_the_image_sets(files: Imported, answered: Any) -> None:
    assert sorted(answered["found"]) == sorted(files.image_sets.values())


def test_the_viewer_signs_as_botocore_does(answered: Any) -> None:
    headers = answered["signed"]
    signer = SigV4Auth(Credentials(KEYS["keyId"], KEYS["secret"], KEYS["token"]), "medical-imaging", REGION)
    request = AWSRequest("POST", TO_SIGN["url"], data=TO_SIGN["body"].encode())
    request.headers["X-Amz-Date"] = request.context["timestamp"] = headers["x-amz-date"]
    request.headers["X-Amz-Security-Token"] = headers["x-amz-security-token"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)

    assert headers["authorization"].endswith(f"Signature={signature}")
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in headers["authorization"]
