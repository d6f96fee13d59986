"""WADO-RS: instances, their metadata, frames and bulk data."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from emulator.dicomweb import accept, multipart
from emulator.dicomweb.accept import MediaType
from emulator.dicomweb.representation import (
    EXPLICIT_VR,
    NATIVE,
    OCTETS,
    Place,
    Rendered,
    Rendering,
    frame_syntax,
    instance_syntax,
)
from emulator.dicomweb.routes import Action, NotAcceptableException, Request, number
from emulator.errors import ResourceNotFoundException, ValidationException
from emulator.image_sets import tiers
from emulator.image_sets.documents import Documents, Instance
from emulator.p10.dicom_json import bulkdata, dicom_json
from emulator.p10.elements import bulk_hashes
from emulator.p10.values import whole_number
from emulator.routes import Answer
from emulator.storage import Row, Storage, bulk_id
from emulator.workers import WorkerLost

JSON = "application/dicom+json"
P10 = "application/dicom"
# A file may claim more than anybody could list.
MOST_FRAMES = 1_000_000
AVAILABLE_TRANSFER_SYNTAX_UID = "AvailableTransferSyntaxUID"

Found = TypeVar("Found")


class Renderers(Protocol):
    """Worker processes that do what `rendering.render` does."""

    def run(self, task: Rendering, /) -> Rendered: ...


class Wado:
    """The retrieve actions."""

    def __init__(self, storage: Storage, documents: Documents, renderers: Renderers) -> None:
        self._storage = storage
        self._documents = documents
        self._renderers = renderers

    def actions(self) -> Mapping[str, Action]:
        return {
            "GetDICOMInstance": self.instance,
            "GetDICOMInstanceMetadata": self.instance_metadata,
            "GetDICOMSeriesMetadata": self.series_metadata,
            "GetDICOMInstanceFrames": self.frames,
            "GetDICOMBulkdata": self.bulkdata,
        }

    def instance(self, request: Request) -> Answer:
        """GetDICOMInstance: a P10 file, by itself or as the one part of a multipart answer."""
        image_set, found = self._instance(request)
        stored = found.transfer_syntax_uid
        asked, syntax = _negotiated(request, lambda each: instance_syntax(each, stored))
        places = self._places(image_set, found)
        (data,) = self._rendered(
            Rendering(
                found.attributes,
                found.vrs,
                stored,
                syntax,
                places,
                is_whole=True,
                apart=self._apart(image_set, found),
            )
        )
        return _answered(asked, P10, [multipart.Part(f"{P10}; transfer-syntax={syntax}", data)])

    def instance_metadata(self, request: Request) -> Answer:
        """GetDICOMInstanceMetadata: an array of one object in the DICOM JSON Model."""
        _, found = self._instance(request)
        return self._metadata(request, [found])

    def series_metadata(self, request: Request) -> Answer:
        """GetDICOMSeriesMetadata: the same of every instance of the series."""
        image_set = self._image_set(request)
        return self._metadata(request, self._documents.instances(image_set))

    def frames(self, request: Request) -> Answer:
        """GetDICOMInstanceFrames: the listed frames, in the order of the list."""
        image_set, found = self._instance(request)
        stored = found.transfer_syntax_uid
        asked, (syntax, kind) = _negotiated(request, lambda each: frame_syntax(each, stored))
        places = self._places(image_set, found, request.labels["frames"])
        if len(places) > 1 and not _may_be_multipart(asked):
            raise NotAcceptableException("several frames are handed out as multipart/related only")
        frames: Sequence[bytes | memoryview]
        if syntax == stored:
            frames = [_read(place) for place in places]
        elif found.is_transcoded:
            frames = [_decoded(_read(place), stored) for place in places]
        else:
            frames = self._rendered(Rendering(found.attributes, {}, stored, syntax, places, is_whole=False))
        content_type = f"{kind}; transfer-syntax={syntax}"
        return _answered(asked, kind, [multipart.Part(content_type, frame) for frame in frames])

    def bulkdata(self, request: Request) -> Answer:
        """GetDICOMBulkdata: one large binary element, by the hash that metadata names it with."""
        image_set, found = self._instance(request)
        asked, _ = _negotiated(request, lambda each: OCTETS if each.may_be(OCTETS) else None)
        hashed = request.labels["bulkdata"]
        apart = self._apart(image_set, found).get(hashed)
        value = _read(apart) if apart else bulkdata(found.attributes, found.vrs, hashed)
        if value is None:
            raise ResourceNotFoundException("the instance has no bulk data of this hash")
        location = request.base + request.path.partition(request.labels["datastore"])[2]
        if asked.is_multipart:
            return _answered(asked, OCTETS, [multipart.Part(OCTETS, value, location)])
        return Answer(200, {"Content-Type": OCTETS}, value)

    def _metadata(self, request: Request, instances: list[Instance]) -> Answer:
        _negotiated(request, lambda each: each.may_be(JSON) or each.may_be("application/json") or None)
        found = [_metadata_of(request, each) for each in instances]
        body = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
        return Answer(200, {"Content-Type": JSON}, body)

    def _image_set(self, request: Request) -> Row:
        image_set_id = _one(request, "imageSetId")
        image_set = self._documents.image_set(request.scope, request.labels, image_set_id)
        tiers.touch(self._storage, image_set)
        return image_set

    def _instance(self, request: Request) -> tuple[Row, Instance]:
        image_set = self._image_set(request)
        return image_set, self._documents.instance(image_set, request.labels["instance"])

    def _places(self, image_set: Row, found: Instance, listed: str | None = None) -> list[Place]:
        """Where the frames lie: all of them, or those of the list."""
        count = whole_number(found.attributes.get("NumberOfFrames")) or 1
        # Floating point pixels; of others in one piece nobody knows where a frame begins.
        is_float = "BitsStored" not in found.attributes and found.transfer_syntax_uid in NATIVE
        if is_float and len(found.frame_ids) == 1 < count <= MOST_FRAMES:
            parts = _split(self._frame(image_set, found.frame_ids[0]), count)
            return parts if listed is None else _listed(listed, parts)
        # An instance may have thousands, and a viewer asks for one.
        ids = found.frame_ids if listed is None else _listed(listed, found.frame_ids)
        return [self._frame(image_set, each) for each in ids]

    def _frame(self, image_set: Row, frame_id: str) -> Place:
        place = self._place(image_set, frame_id)
        if place is None:
            raise ResourceNotFoundException("the image set was deleted while it was read")
        return place

    def _apart(self, image_set: Row, found: Instance) -> dict[str, Place]:
        """Where the values lie that are kept apart from metadata, by their hash."""
        hashes = set(bulk_hashes(found.attributes))
        return {each: place for each in hashes if (place := self._place(image_set, bulk_id(each)))}

    def _place(self, image_set: Row, identity: str) -> Place | None:
        query = "SELECT file, start, size FROM frames WHERE image_set_id = ? AND id = ?"
        row = self._storage.row(query, image_set["id"], identity)
        return Place(str(self._storage.frames / row["file"]), row["start"], row["size"]) if row else None

    def _rendered(self, rendering: Rendering) -> list[bytes]:
        try:
            made = self._renderers.run(rendering)
        except WorkerLost as error:
            raise NotAcceptableException(
                f"the stored pixels cannot be decoded: {error}. Ask for transfer-syntax=*"
            ) from error
        if isinstance(made, str):
            raise NotAcceptableException(made)
        return made


def _metadata_of(request: Request, found: Instance) -> dict[str, Any]:
    query = f"?imageSetId={request.query['imageSetId'][0]}" if "imageSetId" in request.query else ""
    prefix = f"{request.url_of(found.attributes)}/bulkdata/"
    # The frames are had in the stored syntax, whatever the file came in.
    stored = {
        "TransferSyntaxUID": found.transfer_syntax_uid,
        AVAILABLE_TRANSFER_SYNTAX_UID: found.transfer_syntax_uid,
    }
    return dicom_json({**found.attributes, **stored}, found.vrs, lambda hashed: f"{prefix}{hashed}{query}")


def _one(request: Request, name: str) -> str | None:
    values = request.query.get(name, [])
    if len(values) > 1:
        raise ValidationException(f"{name} may be given once")
    return values[0] if values else None


def _negotiated(request: Request, choose: Callable[[MediaType], Found | None]) -> tuple[MediaType, Found]:
    for asked in accept.accepted(request.headers):
        if chosen := choose(asked):
            return asked, chosen
    raise NotAcceptableException(
        "nothing that the Accept header names can be handed out: the transfer syntax may be "
        f"{EXPLICIT_VR}, the stored one, or *"
    )


def _listed(listed: str, frames: Sequence[Found]) -> list[Found]:
    numbers = [number(each) or 0 for each in listed.split(",")]
    if len(set(numbers)) < len(numbers) or min(numbers) < 1:
        raise ValidationException("frames are asked for by a list of numbers from 1, each once: 1,2,3")
    if max(numbers) > len(frames):
        raise ResourceNotFoundException(f"the instance has {len(frames)} frames")
    return [frames[each - 1] for each in numbers]


def _split(whole: Place, count: int) -> list[Place]:
    """The frames of native pixels that are stored in one piece."""
    size = whole.size // count
    return [Place(whole.file, whole.start + index * size, size) for index in range(count)]


def _may_be_multipart(asked: MediaType) -> bool:
    return asked.is_multipart or asked.name == accept.ANYTHING


def _answered(asked: MediaType, kind: str, parts: list[multipart.Part]) -> Answer:
    """A single part goes by itself to who asks for that. Anything goes as multipart where frames do."""
    if not asked.is_multipart and (asked.name != accept.ANYTHING or kind == P10):
        (part,) = parts
        return Answer(200, {"Content-Type": part.content_type}, bytes(part.body))
    content_type, body = multipart.written(parts, kind)
    return Answer(200, {"Content-Type": content_type}, body)


def _read(place: Place) -> bytes:
    try:
        with open(place.file, "rb") as file:  # noqa: PTH123 - a Path costs more than the read
            file.seek(place.start)
            return file.read(place.size)
    except FileNotFoundError as error:
        raise ResourceNotFoundException("the image set was deleted while it was read") from error


def _decoded(frame: bytes, stored: str) -> memoryview:
    """Decode what the service itself encoded: no file can do harm here, and a process costs as much again."""
    # numpy and the codecs are slow to import, and the stored frames go without.
    from emulator.pixels.encode import LOSSLESS_FORMATS

    (decode,) = (each.decode for each in LOSSLESS_FORMATS.values() if each.transfer_syntax_uid == stored)
    return decode(frame).data.cast("B")
