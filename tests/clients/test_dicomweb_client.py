"""dicomweb-client stores, searches and retrieves, with nothing told to it but a URL and how to sign."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
import requests
from botocore.credentials import Credentials
from ct_files import SIDE, ct_file, pixels
from dicomweb_client.api import DICOMwebClient
from local_aws import ACCOUNT, REGION, LocalAws, Store
from pydicom import Dataset
from pydicom.encaps import generate_frames
from sample_files import parse
from signed_requests import SigV4

STUDY, SERIES = "1.2.3", "1.2.3.4"
FIRST, SECOND = "1.2.3.4.1", "1.2.3.4.2"
EXPLICIT_VR, HTJ2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.202"
OCTETS = "application/octet-stream"
LARGE = bytes(range(256)) * 8192


def client_of(store: Store, secret: str = "test") -> DICOMwebClient:
    session = requests.Session()
    session.trust_env = False
    session.verify = store.verify
    session.auth = SigV4(Credentials(ACCOUNT, secret), REGION)
    url = f"{store.imaging.meta.endpoint_url}/datastore/{store.id}"
    # A signature covers the whole body, so none is sent in chunks.
    return DICOMwebClient(url, session=session, chunk_size=1_000_000_000)


def instances() -> list[Dataset]:
    """Two of one series, the first with an element that is too large for metadata."""
    first, second = (
        parse(ct_file(SOPInstanceUID=uid, InstanceNumber=number))
        for number, uid in enumerate((FIRST, SECOND), start=1)
    )
    first.add_new(0x00091001, "OB", LARGE)
    return [first, second]


@pytest.fixture(scope="module")
def stored(aws: LocalAws) -> tuple[DICOMwebClient, Dataset]:
    """The client, and what it was answered when it stored the instances."""
    client = client_of(Store(aws))
    return client, client.store_instances(instances())


@pytest.fixture
def client(stored: tuple[DICOMwebClient, Dataset]) -> DICOMwebClient:
    return stored[0]


def test_it_stores_instances(stored: tuple[DICOMwebClient, Dataset]) -> None:
    _, answer = stored

    assert "FailedSOPSequence" not in answer
    referenced = [each.ReferencedSOPInstanceUID for each in answer.ReferencedSOPSequence]
    assert referenced == [FIRST, SECOND]


def test_it_is_told_which_instances_are_not_of_the_study(client: DICOMwebClient) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        client.store_instances([parse(ct_file())], study_instance_uid="1.2.9")

    assert refusal.value.response.status_code == 409


def test_it_finds_studies(client: DICOMwebClient) -> None:
    (found,) = client.search_for_studies(search_filters={"PatientID": "P1"}, limit=10)
    assert Dataset.from_json(found).StudyInstanceUID == STUDY
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


def test_it_finds_series(client: DICOMwebClient) -> None:
    (found,) = client.search_for_series(STUDY, search_filters={"Modality": "CT"})
    assert Dataset.from_json(found).SeriesInstanceUID == SERIES


def test_it_finds_instances_page_by_page(client: DICOMwebClient) -> None:
    found = [
        Dataset.from_json(each).SOPInstanceUID
        for offset in (0, 1)
        for each in client.search_for_instances(STUDY, SERIES, limit=1, offset=offset)
    ]
    assert sorted(found) == [FIRST, SECOND]


def test_it_retrieves_an_instance(client: DICOMwebClient) -> None:
    # As the data store holds it, which is what this client asks for unless told otherwise.
    found = client.retrieve_instance(STUDY, SERIES, SECOND)
    assert (found.SOPInstanceUID, found.file_meta.TransferSyntaxUID) == (SECOND, HTJ2K)


def test_it_retrieves_an_instance_with_the_pixels_that_were_stored(client: DICOMwebClient) -> None:
    found = client.retrieve_instance(STUDY, SERIES, SECOND, media_types=(("application/dicom", EXPLICIT_VR),))
    assert (found.pixel_array == pixels(2)).all()
    written = BytesIO()
    found.save_as(written)
    assert pydicom.dcmread(BytesIO(written.getvalue())) == found


def test_it_retrieves_metadata(client: DICOMwebClient) -> None:
    found = Dataset.from_json(client.retrieve_instance_metadata(STUDY, SERIES, SECOND))
    assert (found.SOPInstanceUID, found.Rows) == (SECOND, SIDE)


def test_it_retrieves_the_metadata_of_a_series_and_the_bulk_data_that_it_names(
    client: DICOMwebClient,
) -> None:
    def bulk_data(tag: str, vr: str, uri: str) -> bytes:
        (value,) = client.retrieve_bulkdata(uri)
        return bytes(value)

    first, second = (
        Dataset.from_json(each, bulk_data) for each in client.retrieve_series_metadata(STUDY, SERIES)
    )
    assert (first.SOPInstanceUID, second.SOPInstanceUID) == (FIRST, SECOND)
    assert first[0x00091001].value == LARGE


def test_it_retrieves_frames(client: DICOMwebClient) -> None:
    asked = ((OCTETS, EXPLICIT_VR),)
    (frame,) = client.retrieve_instance_frames(STUDY, SERIES, SECOND, [1], media_types=asked)
    assert (np.frombuffer(frame, "<i2").reshape(SIDE, SIDE) == pixels(2)).all()


def test_it_retrieves_frames_as_they_are_stored(client: DICOMwebClient) -> None:
    (frame,) = client.retrieve_instance_frames(STUDY, SERIES, SECOND, [1], media_types=(("*/*", "*"),))
    (stored,) = generate_frames(client.retrieve_instance(STUDY, SERIES, SECOND).PixelData, number_of_frames=1)
    # A fragment has an even length.
    assert stored == frame + b"\0" * (len(frame) % 2)


def test_it_is_told_what_the_service_has_not(client: DICOMwebClient) -> None:
    with pytest.raises(requests.HTTPError) as refusal:
        client.retrieve_study(STUDY)

    assert refusal.value.response.status_code == 404
