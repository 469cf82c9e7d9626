"""A certificate authority that exists for one run, and how each runtime is told to trust it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The files with which a server proves that it is the named host."""

    chain: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context


class Authority:
    """Issues certificates for hosts of the run."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = trustme.CA()
        self.file = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, *names: str) -> Certificate:
        """Return one certificate for all of `names`."""
        leaf = self._authority.issue_cert(*names)
        chain, key = self._directory / f"{names[0]}.pem", self._directory / f"{names[0]}.key"
        leaf.private_key_pem.write_to_path(key)
        for index, blob in enumerate(leaf.cert_chain_pems):
            blob.write_to_path(chain, append=index > 0)
        return Certificate(chain=chain, key=key)

    def client_context(self) -> ssl.SSLContext:
        """Return a context for a client inside the test process."""
        return ssl.create_default_context(cafile=str(self.file))

    def environment(self) -> dict[str, str]:
        """Return the variables that make OpenSSL, requests and Node trust the authority."""
        return {
            "SSL_CERT_FILE": str(self.file),
            "REQUESTS_CA_BUNDLE": str(self.file),
            "NODE_EXTRA_CA_CERTS": str(self.file),
        }
