"""A certificate authority that exists for one run, and how each runtime is told to trust it."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The authority's certificate, and one chain and key for all names of the run."""

    authority: Path
    chain: Path
    key: Path

    def environment(self) -> dict[str, str]:
        """Return the variables that make OpenSSL, requests and Node trust the authority."""
        return {
            "SSL_CERT_FILE": str(self.authority),
            "REQUESTS_CA_BUNDLE": str(self.authority),
            "NODE_EXTRA_CA_CERTS": str(self.authority),
        }


def issue(directory: Path, *names: str) -> Certificates:
    """Make the authority and one certificate for `names` (`*.peer.test` is allowed)."""
    authority = trustme.CA()
    leaf = authority.issue_cert(*names)
    files = Certificates(
        authority=directory / "ca.pem", chain=directory / "chain.pem", key=directory / "key.pem"
    )
    authority.cert_pem.write_to_path(files.authority)
    leaf.private_key_pem.write_to_path(files.key)
    for index, blob in enumerate(leaf.cert_chain_pems):
        blob.write_to_path(files.chain, append=index > 0)
    return files
