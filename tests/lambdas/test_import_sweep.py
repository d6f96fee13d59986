"""What keeps the sweep from one thing keeps it from no other, over AWS in memory."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.memory_aws.world import World
from lambdas.importing.files import JobState


def test_point_15_a_job_that_cannot_be_asked_after_keeps_no_lost_upload_from_being_found() -> None:
    world = World()
    world.upload("a/1.dcm")
    world.go_on(until=world.imaging.running)
    (stuck,) = world.imaging.running()
    get = world.imaging.get_dicom_import_job

    def denied(*, jobId: str, **request: Any) -> Any:  # noqa: N803
        if jobId == stuck.job_id:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetDICOMImportJob")
        return get(jobId=jobId, **request)

    world.imaging.get_dicom_import_job = denied  # type: ignore[method-assign, assignment]
    world.upload("b/1.dcm", times=0)
    world.pass_time(900)

    with pytest.raises(ClientError, match="AccessDenied"):
        world.sweep()

    world.go_on(until=lambda: any(job.path == "b/" for job in world.ledger.jobs_in(JobState.STARTED)))
