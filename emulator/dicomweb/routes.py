"""DICOMweb in and out: which action a request is, and its answer over HTTP."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from emulator.aws import Scope
from emulator.errors import (
    ServiceError,
    UnknownOperationException,
    ValidationException,
)
from emulator.routes import Answer, Query, guarded

SERIES = "/studies/{study}/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
ACTIONS = (
    ("SearchDICOMStudies", "GET", "/studies"),
    ("SearchDICOMSeries", "GET", "/studies/{study}/series"),
    ("SearchDICOMSeries", "GET", "/series"),
    ("SearchDICOMInstances", "GET", SERIES + "/instances"),
    ("SearchDICOMInstances", "GET", "/studies/{study}/instances"),
    ("SearchDICOMInstances", "GET", "/instances"),
    ("StoreDICOM", "POST", "/studies"),
    ("StoreDICOMStudy", "POST", "/studies/{study}"),
    ("GetDICOMSeriesMetadata", "GET", SERIES + "/metadata"),
    ("GetDICOMInstance", "GET", INSTANCE),
    ("GetDICOMInstanceMetadata", "GET", INSTANCE + "/metadata"),
    ("GetDICOMInstanceFrames", "GET", INSTANCE + "/frames/{frames}"),
    ("GetDICOMBulkdata", "GET", INSTANCE + "/bulkdata/{bulkdata}"),
)
RESOURCE = re.compile(r"/datastore/[^/]+/(studies|series|instances)(/.*)?")
UID = re.compile(r"[0-9A-Za-z._-]{1,256}")
UID_KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
UIDS = ("study", "series", "instance")
# Nothing that a request counts has more digits, and Python refuses to read thousands of them.
NUMBER = re.compile(r"[0-9]{1,9}")


class NotAcceptableException(ServiceError):  # noqa: N818 - what DICOMweb answers
    """No representation of the resource is one that the Accept header asks for."""

    status = 406


class RequestTooLargeException(ServiceError):  # noqa: N818 - what DICOMweb answers
    """The request holds more than may be stored at once."""

    status = 413


class UnsupportedMediaTypeException(ServiceError):  # noqa: N818 - what DICOMweb answers
    """The request's own content is of a kind that is not stored."""

    status = 415


class Request(NamedTuple):
    """`labels` are the parts of the path by name, `datastore` among them. Header names are lower-case."""

    scope: Scope
    path: str
    labels: Mapping[str, str]
    query: Query
    headers: Mapping[str, str]
    body: bytes

    @property
    def base(self) -> str:
        """The URL of the data store, as the client spells it."""
        scheme = self.headers.get("x-forwarded-proto", "http")
        return f"{scheme}://{self.headers.get('host', '')}/datastore/{self.labels['datastore']}"

    def url_of(self, attributes: Mapping[str, Any]) -> str:
        """The URL of the study, series or instance that has these UIDs."""
        named = zip(("studies", "series", "instances"), UID_KEYWORDS, strict=True)
        return self.base + "".join(
            f"/{resource}/{attributes[keyword]}" for resource, keyword in named if keyword in attributes
        )


Action = Callable[[Request], Answer]


def is_dicomweb(path: str) -> bool:
    """Whether the path is of a DICOMweb resource, be it one that exists or not."""
    return RESOURCE.fullmatch(path) is not None


def action_of(method: str, path: str) -> str | None:
    """The name of the action, which is its IAM action too."""
    found = match(method, path)
    return found[0] if found else None


def number(text: str) -> int | None:
    """What a list of frames, a limit or an offset says, if it says a number."""
    return int(text) if NUMBER.fullmatch(text) else None


def uids_of(path: str) -> dict[str, str]:
    """The UIDs that a GET or POST of the path names, by keyword."""
    found = match("GET", path) or match("POST", path)
    labels = found[1] if found else {}
    named = zip(UID_KEYWORDS, UIDS, strict=True)
    return {keyword: labels[label] for keyword, label in named if label in labels}


def answer(
    actions: Mapping[str, Action],
    scope: Scope,
    method: str,
    path: str,
    query: Query,
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    """Answer one request. `path` is decoded, and not decoded again."""

    def run() -> Answer:
        found = match(method, path)
        if found is None:
            raise UnknownOperationException("no DICOMweb action of this service has this method and path")
        name, labels = found
        for label in UIDS:
            if label in labels and not UID.fullmatch(labels[label]):
                raise ValidationException(f"the {label} in the path is not a UID")
        return actions[name](Request(scope, path, labels, query, headers, body))

    return guarded(method, path, run)


def _split(path: str) -> tuple[tuple[str, ...], list[str]]:
    """The literal segments of a path, and those between them, which have names."""
    segments = path.removesuffix("/").split("/")[1:]
    return tuple(segments[::2]), segments[1::2]


def _routes() -> dict[tuple[str, tuple[str, ...], int], tuple[str, list[str]]]:
    found = {}
    for name, method, uri in ACTIONS:
        literals, labels = _split("/datastore/{datastore}" + uri)
        found[method, literals, len(labels)] = (name, [label.strip("{}") for label in labels])
    return found


# A request is looked up several times on its way, by IAM and by what records it, so no pattern is searched.
ROUTES = _routes()


def match(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The action of a decoded path, and the labels in it."""
    literals, values = _split(path)
    route = ROUTES.get((method, literals, len(values)))
    if route is None or not all(values):
        return None
    name, labels = route
    return name, dict(zip(labels, values, strict=True))
