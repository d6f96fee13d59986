"""AWS HealthImaging put together: its state, its rules, and its operations by name."""

import functools
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.aws import Aws, JobS3, Scope
from emulator.datastores import ACTIVE_DATASTORES, Datastores
from emulator.dicomweb.bearer import Bearers
from emulator.dicomweb.representation import Rendered, Rendering
from emulator.dicomweb.routes import Action, Request
from emulator.dicomweb.uploads import Failed, Stored, Upload
from emulator.events import Outbox, Publish
from emulator.image_sets.copies import Copies
from emulator.image_sets.deletions import Deletions
from emulator.image_sets.operations import Operations
from emulator.image_sets.reading import ImageSets
from emulator.image_sets.search import Search
from emulator.image_sets.updates import Updates
from emulator.imports.jobs import ImportJobs
from emulator.imports.outcomes import Outcome, Source
from emulator.imports.run import ImportRuns
from emulator.metrics import Metrics
from emulator.routes import Answer, Operation
from emulator.storage import Storage
from emulator.tags import Tags
from emulator.throttle import Throttle
from emulator.workers import Workers

SECONDS_PER_FILE = 600
SECONDS_PER_RENDERING = 60


class Service:
    """HealthImaging of every account and Region, with its data under `folder`."""

    def __init__(self, folder: Path, aws: Aws, endpoint: str, throttle: float = 1) -> None:
        """`throttle` is how many times AWS's rates are allowed; 0 lifts them and the quota of data stores."""
        self._storage = storage = Storage(folder)
        self._metrics = Metrics(storage, aws.put_metrics)
        self._outbox = Outbox(storage, self._publishing(aws))
        self.bearers = Bearers(storage, aws, endpoint)
        self.datastores = Datastores(
            storage, self._outbox, aws, most_active=ACTIVE_DATASTORES if throttle else math.inf
        )
        workers: Workers[tuple[Source, str], Outcome] = Workers(
            "emulator.imports.worker:import_object", count=os.cpu_count() or 1, seconds=SECONDS_PER_FILE
        )
        self._renderers: Workers[Rendering, Rendered] = Workers(
            "emulator.dicomweb.rendering:render", count=os.cpu_count() or 1, seconds=SECONDS_PER_RENDERING
        )
        self._part_workers: Workers[Upload, Stored | Failed] = Workers(
            "emulator.dicomweb.stow_worker:store_part", count=os.cpu_count() or 1, seconds=SECONDS_PER_FILE
        )
        self._runs = ImportRuns(storage, self._outbox, aws, workers, _role_s3, endpoint)
        self._jobs = ImportJobs(storage, self._outbox, aws, self.datastores, self._runs.submit)
        image_sets = ImageSets(storage, self.datastores)
        self._running = Operations(storage, self._outbox)
        of_image_sets = (storage, self.datastores, image_sets, self._running)
        self._deletions = Deletions(*of_image_sets)
        self.tags = tags = Tags(storage)
        self.throttle = Throttle(throttle)
        operations: Mapping[str, Operation] = {
            "CreateDatastore": self.datastores.create,
            "GetDatastore": self.datastores.get,
            "ListDatastores": self.datastores.list,
            "DeleteDatastore": self.datastores.delete,
            "StartDICOMImportJob": self._jobs.start,
            "GetDICOMImportJob": self._jobs.get,
            "ListDICOMImportJobs": self._jobs.list,
            "SearchImageSets": Search(storage, self.datastores).image_sets,
            "GetImageSet": image_sets.get,
            "ListImageSetVersions": image_sets.list_versions,
            "GetImageSetMetadata": image_sets.metadata,
            "GetImageFrame": image_sets.frame,
            "UpdateImageSetMetadata": Updates(*of_image_sets).update,
            "CopyImageSet": Copies(*of_image_sets, aws).copy,
            "DeleteImageSet": self._deletions.delete,
            "TagResource": tags.add,
            "UntagResource": tags.remove,
            "ListTagsForResource": tags.list,
        }
        self.operations = {name: self._throttled(name, each) for name, each in operations.items()}

    def start(self) -> None:
        """Take up what was under way when the process ended. The gateway must answer by now."""
        self._runs.start()
        self._outbox.flush()
        self.datastores.resume()
        self._running.resume()
        self._deletions.resume()
        self._jobs.resume()
        self._metrics.start()

    @functools.cached_property
    def dicomweb(self) -> Mapping[str, Action]:
        """The DICOMweb actions by name."""
        # pydicom is slow to import, and a server that nobody asks for DICOMweb starts without it.
        from emulator.dicomweb.actions import dicomweb_actions

        actions = dicomweb_actions(
            self._storage, self.datastores, self._outbox, self._renderers, self._part_workers
        )
        return {name: self._throttled_action(name, each) for name, each in actions.items()}

    def stop(self) -> None:
        self._metrics.stop()
        self._runs.stop()
        self._storage.stopping.set()
        self._renderers.close()
        self._part_workers.close()

    def _publishing(self, aws: Aws) -> Publish:
        """Every event tells of a change to what the metrics count."""

        def publish(scope: Scope, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
            aws.publish(scope, detail_type, detail, resources)
            self._metrics.changed()

        return publish

    def _throttled(self, name: str, operation: Operation) -> Operation:
        def run(scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
            self._metrics.count(scope, name, parameters.get("datastoreId"))
            self.throttle.take(scope, name)
            return operation(scope, parameters)

        return run

    def _throttled_action(self, name: str, action: Action) -> Action:
        def run(request: Request) -> Answer:
            self._metrics.count(request.scope, name, request.labels["datastore"])
            self.throttle.take(request.scope, name)
            return action(request)

        return run


def _role_s3(source: Source) -> JobS3:
    # boto3 is slow to import, and no request but an import job needs it.
    from emulator.imports.role_s3 import RoleS3

    return RoleS3(source)
