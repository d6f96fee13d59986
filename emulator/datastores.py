"""Data stores: CREATING, ACTIVE, DELETING, DELETED, each change with its event."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from emulator import events, pages, tags
from emulator.aws import Aws, Scope
from emulator.errors import (
    AccessDeniedException,
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from emulator.storage import Row, Storage, now

SETTLING_SECONDS = 0.2
DEFAULT_LOSSLESS_FORMAT = "HTJ2K"
# The default quota of an account in a Region.
ACTIVE_DATASTORES = 100


class Datastores:
    """The data stores of every account and Region."""

    def __init__(
        self, storage: Storage, outbox: events.Outbox, aws: Aws, most_active: float = ACTIVE_DATASTORES
    ) -> None:
        """`most_active` is how many data stores an account may have in a Region."""
        self._most_active = most_active
        self._storage = storage
        self._outbox = outbox
        self._aws = aws

    def create(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """CreateDatastore. The same clientToken with the same parameters answers the same data store."""
        if parameters.get("tags"):
            self._authorise_tags(scope)
        if "lambdaAuthorizerArn" in parameters:
            self._authorise_authorizer(parameters["lambdaAuthorizerArn"])
        datastore = self.begin(scope, parameters)
        if datastore["status"] == "CREATING":
            _later(self.finish_creating, datastore["id"])
        return {"datastoreId": datastore["id"], "datastoreStatus": datastore["status"]}

    def _authorise_tags(self, scope: Scope) -> None:
        arn = f"arn:aws:medical-imaging:{scope.region}:{scope.account}:datastore/*"
        if not self._aws.allows("TagResource", arn):
            raise AccessDeniedException(
                f"the caller is not authorized to perform: medical-imaging:TagResource on resource: {arn}"
            )

    def _authorise_authorizer(self, function_arn: str) -> None:
        """Who could have any function called by naming it here would need no right to call it."""
        if not self._aws.may_invoke(function_arn):
            raise AccessDeniedException(
                f"the caller is not authorized to perform: lambda:InvokeFunction on resource: {function_arn}"
            )

    def begin(self, scope: Scope, parameters: dict[str, Any]) -> Row:
        """The data store in CREATING, for `finish_creating` to make ACTIVE."""
        request = json.dumps(parameters, sort_keys=True)
        query = (
            "SELECT * FROM datastores WHERE account = ? AND region = ? AND client_token = ?"
            " AND status != 'DELETED'"
        )
        # In one transaction, so that a request which is sent twice at once makes one data store.
        with self._storage.writing() as connection:
            known = self._storage.row(query, *scope, parameters["clientToken"])
            datastore = known or self._insert(connection, scope, parameters, request)
        if datastore["request"] != request:
            raise ConflictException("clientToken was used before with other parameters: send a new one")
        self._outbox.flush()
        return datastore

    def finish_creating(self, datastore_id: str) -> None:
        """CREATING to ACTIVE, or to CREATE_FAILED when its KMS key cannot be used."""
        datastore = self._any(datastore_id)
        if self._can_use_key_of(datastore):
            self._move(datastore, "CREATING", "ACTIVE", "Data Store Created")
        else:
            self._move(datastore, "CREATING", "CREATE_FAILED", "Data Store Creation Failed")

    def get(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        datastore = self.find(scope, parameters["datastoreId"])
        optional = {
            "kmsKeyArn": datastore["kms_key_arn"],
            "lambdaAuthorizerArn": datastore["authorizer_arn"],
            "losslessStorageFormat": datastore["lossless_format"],
        }
        return {"datastoreProperties": {**_summary(datastore), **_present(optional)}}

    def list(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        size = parameters.get("maxResults", pages.PAGE_SIZE)
        after = pages.position(parameters.get("nextToken")) or (float("inf"), "")
        status = parameters.get("datastoreStatus")
        rows = self._storage.rows(
            "SELECT * FROM datastores WHERE account = ? AND region = ? AND (? IS NULL OR status = ?)"
            " AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?",
            *scope,
            status,
            status,
            *after,
            size + 1,
        )
        page, token = pages.cut(rows, size, "created_at")
        return {"datastoreSummaries": [_summary(row) for row in page], **_present({"nextToken": token})}

    def delete(self, scope: Scope, parameters: dict[str, Any]) -> dict[str, Any]:
        """DeleteDatastore. Refused while it holds image sets or runs an import job."""
        datastore = self.find(scope, parameters["datastoreId"])
        self.begin_deleting(datastore)
        _later(self.finish_deleting, datastore["id"])
        return {"datastoreId": datastore["id"], "datastoreStatus": "DELETING"}

    def begin_deleting(self, datastore: Row) -> None:
        """ACTIVE or CREATE_FAILED to DELETING. Raises ConflictException when it may not be deleted now."""
        # In one transaction, and what goes into a data store looks in its own whether it is still ACTIVE.
        with self._storage.writing() as connection:
            found = self._any(datastore["id"])
            self._require_deletable(found)
            _moved(connection, found, found["status"], "DELETING", "Data Store Deleting")
        self._outbox.flush()

    def _require_deletable(self, datastore: Row) -> None:
        if datastore["status"] not in ("ACTIVE", "CREATE_FAILED"):
            raise ConflictException(
                f"the data store is {datastore['status']}: only an ACTIVE one can be deleted"
            )
        if self._storage.row("SELECT 1 FROM image_sets WHERE datastore_id = ?", datastore["id"]):
            raise ConflictException("the data store holds image sets: delete them first")
        running = "SELECT 1 FROM jobs WHERE datastore_id = ? AND status IN ('SUBMITTED', 'IN_PROGRESS')"
        if self._storage.row(running, datastore["id"]):
            raise ConflictException("the data store runs an import job: wait until it ends")

    def finish_deleting(self, datastore_id: str) -> None:
        """DELETING to DELETED."""
        datastore = self._any(datastore_id)
        self._move(datastore, "DELETING", "DELETED", "Data Store Deleted")
        with self._storage.writing() as connection:
            tags.forget(connection, events.datastore_arn(datastore))

    def find(self, scope: Scope, datastore_id: str) -> Row:
        """The data store, which must belong to the account and Region of the request."""
        row = self._storage.row(
            "SELECT * FROM datastores WHERE id = ? AND account = ? AND region = ?", datastore_id, *scope
        )
        if row is None:
            raise ResourceNotFoundException(f"data store {datastore_id} does not exist")
        return row

    def find_active(self, scope: Scope, datastore_id: str) -> Row:
        """As `find`, and it must be ACTIVE, under a key that can be used."""
        row = self.find(scope, datastore_id)
        if row["status"] in ("DELETED", "DELETING"):
            raise ResourceNotFoundException(f"data store {datastore_id} is {row['status']}")
        if row["status"] != "ACTIVE":
            raise ConflictException(f"data store {datastore_id} is {row['status']}: wait until it is ACTIVE")
        if not self._can_use_key_of(row):
            raise AccessDeniedException(f"the KMS key of data store {datastore_id} cannot be used: enable it")
        return row

    def _can_use_key_of(self, datastore: Row) -> bool:
        key, scope = datastore["kms_key_arn"], Scope(datastore["account"], datastore["region"])
        return key is None or self._aws.key_is_usable(scope, key)

    def resume(self) -> None:
        """Finish what was under way when the process ended."""
        for row in self._storage.rows("SELECT id FROM datastores WHERE status = 'CREATING'"):
            self.finish_creating(row["id"])
        for row in self._storage.rows("SELECT id FROM datastores WHERE status = 'DELETING'"):
            self.finish_deleting(row["id"])

    def _any(self, datastore_id: str) -> Row:
        row = self._storage.row("SELECT * FROM datastores WHERE id = ?", datastore_id)
        if row is None:
            raise ResourceNotFoundException(f"data store {datastore_id} does not exist")
        return row

    def _insert(
        self, connection: sqlite3.Connection, scope: Scope, parameters: dict[str, Any], request: str
    ) -> Row:
        self._refuse_when_full(connection, scope)
        datastore_id = secrets.token_hex(16)
        at = now()
        values = (
            datastore_id,
            *scope,
            parameters.get("datastoreName", datastore_id),
            "CREATING",
            parameters.get("kmsKeyArn"),
            parameters.get("lambdaAuthorizerArn"),
            parameters.get("losslessStorageFormat", DEFAULT_LOSSLESS_FORMAT),
            parameters["clientToken"],
            request,
            at,
            at,
        )
        connection.execute(f"INSERT INTO datastores VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
        datastore = self._any(datastore_id)
        tags.put(connection, events.datastore_arn(datastore), parameters.get("tags", {}))
        events.datastore_changed(connection, datastore, "CREATING", "Data Store Creating")
        return datastore

    def _refuse_when_full(self, connection: sqlite3.Connection, scope: Scope) -> None:
        (active,) = connection.execute(
            "SELECT count(*) FROM datastores WHERE account = ? AND region = ?"
            " AND status IN ('CREATING', 'ACTIVE')",
            scope,
        ).fetchone()
        if active >= self._most_active:
            raise ServiceQuotaExceededException(
                f"the account has {active} data stores in {scope.region}: at most {self._most_active:g} may "
                "be active, so delete one that nobody needs"
            )

    def _move(self, datastore: Row, before: str, after: str, detail_type: str) -> None:
        with self._storage.writing() as connection:
            _moved(connection, datastore, before, after, detail_type)
        self._outbox.flush()


def _moved(connection: sqlite3.Connection, datastore: Row, before: str, after: str, detail_type: str) -> None:
    moved = connection.execute(
        "UPDATE datastores SET status = ?, updated_at = ? WHERE id = ? AND status = ?",
        (after, now(), datastore["id"], before),
    )
    if moved.rowcount:
        events.datastore_changed(connection, datastore, after, detail_type)


def _later(step: Callable[[str], None], datastore_id: str) -> None:
    timer = threading.Timer(SETTLING_SECONDS, step, (datastore_id,))
    timer.daemon = True
    timer.start()


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _summary(datastore: Row) -> dict[str, Any]:
    return {
        "datastoreId": datastore["id"],
        "datastoreName": datastore["name"],
        "datastoreStatus": datastore["status"],
        "datastoreArn": events.datastore_arn(datastore),
        "createdAt": datastore["created_at"],
        "updatedAt": datastore["updated_at"],
    }
