"""Storage tiers: an image set untouched for 30 days is archived, and a touch brings it back."""

from typing import Any

from emulator.storage import Row, Storage, now

ARCHIVED_AFTER_SECONDS = 30 * 24 * 3600
# A viewer reads hundreds of frames a second, and each touch is a write.
SECONDS_BETWEEN_TOUCHES = 1


def touch(storage: Storage, image_set: Row) -> None:
    """Its metadata or a frame is read. Creating, copying and updating are touches of their own."""
    if now() - image_set["accessed_at"] < SECONDS_BETWEEN_TOUCHES:
        return
    with storage.writing() as connection:
        connection.execute("UPDATE image_sets SET accessed_at = ? WHERE id = ?", (now(), image_set["id"]))


def tier(image_set: Row) -> dict[str, Any]:
    """The members of GetImageSet and SearchImageSets that tell of it."""
    archived = now() - image_set["accessed_at"] >= ARCHIVED_AFTER_SECONDS
    return {
        "lastAccessedAt": image_set["accessed_at"],
        "storageTier": "ARCHIVE_INSTANT_ACCESS" if archived else "FREQUENT_ACCESS",
    }
