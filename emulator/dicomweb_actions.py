"""Every DICOMweb action by name. pydicom comes with this module, and it is slow to import."""

from collections.abc import Mapping

from emulator.datastores import Datastores
from emulator.dicomweb import Action
from emulator.documents import Documents
from emulator.qido import Qido
from emulator.storage import Storage
from emulator.wado import Renderers, Wado


def dicomweb_actions(storage: Storage, datastores: Datastores, renderers: Renderers) -> Mapping[str, Action]:
    """The actions on that storage. `renderers` do what `emulator.rendering.render` does."""
    documents = Documents(storage, datastores)
    return {
        **Wado(storage, documents, renderers).actions(),
        **Qido(storage, datastores).actions(),
    }
