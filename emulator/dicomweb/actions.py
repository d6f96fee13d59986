"""Every DICOMweb action by name. pydicom comes with this module, and it is slow to import."""

from collections.abc import Mapping

from emulator.datastores import Datastores
from emulator.dicomweb.qido import Qido
from emulator.dicomweb.routes import Action
from emulator.dicomweb.stow import PartWorkers, Stow
from emulator.dicomweb.wado import Renderers, Wado
from emulator.events import Outbox
from emulator.image_sets.documents import Documents
from emulator.storage import Storage


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
