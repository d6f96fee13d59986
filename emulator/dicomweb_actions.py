"""Every DICOMweb action by name. pydicom comes with this module, and it is slow to import."""

from collections.abc import Mapping

from emulator.datastores import Datastores
from emulator.dicomweb import Action
from emulator.documents import Documents
from emulator.events import Outbox
from emulator.qido import Qido
from emulator.storage import Storage
from emulator.stow import PartWorkers, Stow
from emulator.wado import Renderers, Wado


def dicomweb_actions(
    storage: Storage,
    datastores: Datastores,
    outbox: Outbox,
    renderers: Renderers,
    part_workers: PartWorkers,
) -> Mapping[str, Action]:
    """The actions on that storage."""
    return {
        **Wado(storage, Documents(storage, datastores), renderers).actions(),
        **Qido(storage, datastores).actions(),
        **Stow(storage, datastores, outbox, part_workers).actions(),
    }
