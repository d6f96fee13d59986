"""What the CLI's examples speak of, made to exist: their series and instances, image sets, job and tags."""

import json
from typing import Any

from cli_examples import Example
from ct_files import ct_file
from local_aws import LocalAws, Store, wait_for
from sample_files import parse, to_bytes

DATASTORE = "12345678901234567890123456789012"
DATASTORE_ARN = f"arn:aws:medical-imaging:us-east-1:123456789012:datastore/{DATASTORE}"
JOB = "09876543210987654321098765432109"
FRAME = "3abf5d5d7ae72f80a0ec81b2c0de3ef4"
ROLE = "arn:aws:iam::123456789012:role/ImportJobDataAccessRole"
IMAGE_SETS = (
    "ea92b0d8838c72a3f25d00d13616f87e",
    "53d5fdb05ca4d46ac7ca64b06545c66e",
    "18f88ac7870584f58d56256646b4d92b",
    "98765412345612345678907890789012",
)
DESTINATIONS = ("b9a06fef182a5f992842f77f8e0868e5", "b9eb50d8ee682eb9fcf4acbf92f62bb7")
# The examples search in years that are over.
LATER = {"2022-04-12T": "2122-04-12T", "2024-03-11T16": "2124-03-11T16"}

STUDY = "1.2.840.99999999.84710745.943275268089"
COPIED = "1.3.6.1.4.1.5962.99.1.3673257865.2104868982.1369432891697.36{}.0"
CHANGED = "1.1.1.1.1.1.12345.123456789012.123.12345678901234.1"
RENAMED = "1.3.6.1.4.1.5962.99.1.3633258862.2104868982.1369432891697.36{}.0"
# Of each series, the first instance is the one that an example names.
SERIES = {
    STUDY: (f"{STUDY}.1", f"{STUDY}.2"),
    COPIED.format(66): (COPIED.format(69), COPIED.format(70)),
    CHANGED: (CHANGED, f"{CHANGED}.2"),
    RENAMED.format(56): (RENAMED.format(59), RENAMED.format(60)),
}
SERIES_OF = {
    "copy-image-set-3": COPIED.format(66),
    "update-image-set-metadata-3": CHANGED,
    "update-image-set-metadata-5": CHANGED,
    "update-image-set-metadata-6": CHANGED,
    "update-image-set-metadata-7": RENAMED.format(56),
}
TAGS = {"Deployment": "Development"}


def file_of(series: str, instance: str) -> bytes:
    """A file with every attribute that an example shows, changes or removes."""
    dataset = parse(
        ct_file(
            PatientID="SUBJECT08701",
            PatientName="Invented^Name",
            PatientSex="F",
            PatientBirthDate="19201120",
            StudyInstanceUID=STUDY,
            StudyID="2011201407",
            StudyDate="19991122",
            StudyTime="140728",
            StudyDescription="CHEST",
            NumberOfStudyRelatedSeries=1,
            NumberOfStudyRelatedInstances=1,
            SeriesInstanceUID=series,
            SOPInstanceUID=instance,
        )
    )
    dataset.private_block(0x0009, "GEMS_IDEN_01", create=True).add_new(0x01, "LO", "GE_GENESIS_FF")
    return to_bytes(dataset)


class World:
    """A data store in which those series are imported."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.store = Store(aws, datastoreName="TestDatastore123", tags=TAGS)
        files = [(series, instance) for series, instances in SERIES.items() for instance in instances]
        self.store.upload(
            {f"dicom_input/{instance}.dcm": file_of(series, instance) for series, instance in files}
        )
        uris = {"inputS3Uri": self.uri("dicom_input/"), "outputS3Uri": self.uri("job_output/")}
        self.job = self.store.run(jobName="my-job", **uris)
        assert self.store.summary(self.job)["numberOfImportedFiles"] == len(files)

    def uri(self, prefix: str) -> str:
        return f"s3://{self.store.bucket}/{prefix}"

    def ids(self, example: Example) -> dict[str, str]:
        """What stands here for each id of the example."""
        asked = example.text + "".join(example.files.values())
        store = self._store_for(example)
        ids = {
            # The ARN comes before the id in it.
            DATASTORE_ARN: store.arn,
            DATASTORE: store.id,
            JOB: self.job["jobId"],
            ROLE: self.store.role,
            "s3://medical-imaging-dicom-input/dicom_input/": self.uri("dicom_input/"),
            "s3://medical-imaging-output/job_output/": self.uri("job_output/"),
            **LATER,
        }
        ids |= {each: self._image_set_for(example) for each in IMAGE_SETS if each in asked}
        ids |= {each: self._destination_for(example) for each in DESTINATIONS if each in asked}
        if FRAME in asked:
            ids[FRAME] = self.frame_of(next(iter(ids[each] for each in IMAGE_SETS if each in asked)))
        self.store.imaging.tag_resource(resourceArn=self.store.arn, tags=TAGS)
        return ids

    def _store_for(self, example: Example) -> Store:
        if example.command == "delete-datastore":
            return Store(self.aws)
        if str(example) == "get-datastore-2":
            return Store(
                self.aws, datastoreName="TestDatastore123", losslessStorageFormat="JPEG_2000_LOSSLESS"
            )
        return self.store

    def _image_set_for(self, example: Example) -> str:
        series = SERIES_OF.get(str(example), STUDY)
        if str(example) == "copy-image-set-2":
            return self.copied(series, SERIES[series][0])
        image_set = self.copied(series)
        arn = f"{self.store.arn}/imageset/{image_set}"
        self.store.imaging.tag_resource(resourceArn=arn, tags=TAGS)
        if example.command == "list-image-set-versions":
            self._fail_to_copy_into(image_set)
            self._update_twice(image_set, "2")
        if str(example) == "update-image-set-metadata-4":
            self._update_twice(image_set, "1")
        return image_set

    def _destination_for(self, example: Example) -> str:
        instances = SERIES[STUDY][1:] if str(example) == "copy-image-set-2" else ()
        return self.copied(STUDY, *instances)

    def copied(self, series: str, *instances: str) -> str:
        """A new image set with these, or all, instances of the series. Not primary, it may change."""
        found = self.store.search({"operator": "EQUAL", "values": [{"DICOMSeriesInstanceUID": series}]})
        primary = next(each for each in found if each["isPrimary"])
        source = self.settled(primary["imageSetId"])
        information: dict[str, Any] = {"sourceImageSet": {"latestVersionId": source["versionId"]}}
        if instances:
            tree = {"Series": {series: {"Instances": {uid: {} for uid in instances}}}}
            text = json.dumps({"SchemaVersion": "1.1", "Study": tree})
            information["sourceImageSet"]["DICOMCopies"] = {"copiableAttributes": text}
        return self._copy(source["imageSetId"], information)

    def settled(self, image_set: str) -> dict[str, Any]:
        """The properties of the image set once nothing works on it."""

        def unlocked() -> dict[str, Any] | None:
            asked = {"datastoreId": self.store.id, "imageSetId": image_set}
            found: dict[str, Any] = self.store.imaging.get_image_set(**asked)
            return None if found["imageSetState"] == "LOCKED" else found

        return wait_for(unlocked)

    def frame_of(self, image_set: str) -> str:
        (series,) = self.store.metadata(image_set)["Study"]["Series"].values()
        instance = next(iter(series["Instances"].values()))
        found: str = instance["ImageFrames"][0]["ID"]
        return found

    def _copy(self, source: str, information: dict[str, Any]) -> str:
        answer = self.store.imaging.copy_image_set(
            datastoreId=self.store.id, sourceImageSetId=source, copyImageSetInformation=information
        )
        made: str = answer["destinationImageSetProperties"]["imageSetId"]
        self.settled(made)
        self.settled(source)
        return made

    def _fail_to_copy_into(self, destination: str) -> None:
        source = self.copied(CHANGED)
        into = {"imageSetId": destination, "latestVersionId": "1"}
        self._copy(source, {"sourceImageSet": {"latestVersionId": "1"}, "destinationImageSet": into})

    def _update_twice(self, image_set: str, latest: str) -> None:
        for version in (latest, str(int(latest) + 1)):
            tree = {"SchemaVersion": 1.1, "Study": {"DICOM": {"StudyDescription": f"after {version}"}}}
            updates = {"DICOMUpdates": {"updatableAttributes": json.dumps(tree).encode()}}
            self.store.imaging.update_image_set_metadata(
                datastoreId=self.store.id,
                imageSetId=image_set,
                latestVersionId=version,
                updateImageSetMetadataUpdates=updates,
            )
            self.settled(image_set)
