"""The certificate of the local AWS of one state folder, made once, and the authority behind it."""

import shutil
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

NAMES = ("127.0.0.1", "localhost")


def authority(state_dir: Path) -> Path:
    """What a client must trust, as PEM. Its key is written nowhere, so that it can sign nothing else."""
    return state_dir / "tls" / "ca.pem"


def certificate(state_dir: Path) -> Path:
    """The server's key and certificate as PEM. Call with the state folder locked."""
    folder = authority(state_dir).parent
    if not folder.exists():
        _make(folder)
    return folder / "server.pem"


class _Ended(ssl.SSLObject):
    """A connection that ends without its client's farewell, as RFC 8446, 6.1, allows.

    Idle clients send none, or a request, and asyncio waits half a minute for each, also at the server's end.
    """

    def unwrap(self) -> Any:
        with suppress(ssl.SSLError):
            return super().unwrap()


def serving(pem: Path) -> ssl.SSLContext:
    """How a server shows the certificate. HTTP/2 is not offered, as AWS's services offer none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sslobject_class = _Ended
    return context


def _make(folder: Path) -> None:
    # Slow to import, and needed once in the life of a state folder.
    import trustme

    ca = trustme.CA(organization_name="HealthImaging toolkit", organization_unit_name="local AWS")
    issued = ca.issue_cert(*NAMES)
    # A start that is killed here leaves no half a certificate.
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    ca.cert_pem.write_to_path(unfinished / "ca.pem")
    (unfinished / "server.pem").touch(mode=0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(unfinished / "server.pem")
    unfinished.rename(folder)
