"""How the control connection is carried: a Unix socket, or TLS over TCP between machines.

    /run/fedispace/sfu.sock      a socket that only our own user may open
    tcp://10.0.0.5:7883          TLS with a certificate made for this start, which nobody has signed

Over TCP the certificate is believed for one reason: both sides put its digest into what they prove
with the shared secret (`protocol`), so that whoever stands between them, with a certificate of
his own, can give neither side a proof that fits (channel binding, RFC 5929 section 4). Nothing is to be
issued or renewed. The address is a number, as a name would have to be believed too.
"""

import asyncio
import contextlib
import hashlib
import ipaddress
import os
import ssl
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedispace.config import address_of
from fedispace.errors import ConfigError
from fedispace.media.live.protocol import MAX_FRAME

_TCP = "tcp://"
_YEARS = timedelta(days=3650)

Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """An open control socket; `binding` is what proofs on it contain."""

    server: asyncio.Server
    binding: str


def check(control: str) -> str:
    """Return `control`, or raise `ConfigError`."""
    if control.startswith(_TCP):
        try:
            host, port = address_of(control.removeprefix(_TCP))
            ipaddress.ip_address(host)
        except ValueError:
            raise ConfigError(f"rtc.control: tcp://ADDRESS:PORT is expected, not {control!r}") from None
        if port == 0:
            raise ConfigError("rtc.control: a port is needed")
    return control


async def listen(control: str, accept: Accept) -> Listening:
    """Open the socket; raise `ConfigError` when it cannot be had."""
    try:
        if control.startswith(_TCP):
            host, port = address_of(control.removeprefix(_TCP))
            context, binding = _credentials()
            server = await asyncio.start_server(accept, host, port, ssl=context, limit=MAX_FRAME)
            return Listening(server=server, binding=binding)
        return Listening(server=await _listen_unix(Path(control), accept), binding="")
    except OSError as error:
        raise ConfigError(f"rtc.control: cannot use {control}: {error.strerror or error}") from error


def _clear(path: Path) -> None:
    """Remove the socket of one that was killed."""
    if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
        path.unlink()


async def _listen_unix(path: Path, accept: Accept) -> asyncio.Server:
    _clear(path)
    old = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(accept, path, limit=MAX_FRAME)
    finally:
        os.umask(old)


def remove(control: str) -> None:
    """Remove what `listen` left in the file system."""
    if not control.startswith(_TCP):
        with contextlib.suppress(OSError):
            Path(control).unlink()


async def connect(
    control: str, *, limit: int = MAX_FRAME
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Connect; the last of what is returned is what proofs on this connection contain."""
    if not control.startswith(_TCP):
        reader, writer = await asyncio.open_unix_connection(control, limit=limit)
        return reader, writer, ""
    host, port = address_of(control.removeprefix(_TCP))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the proofs say whose certificate it is
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=limit)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return reader, writer, hashlib.sha256(certificate).hexdigest()


def _credentials() -> tuple[ssl.SSLContext, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedispace control")])
    # An unsigned certificate's dates are read by nobody; these hold whatever the clock says.
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + 5 * _YEARS)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.NamedTemporaryFile() as file:  # the ssl module reads files only; this one is ours alone
        file.write(secret + certificate.public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
    return context, digest
