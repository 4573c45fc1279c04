"""The machine's certificate authorities, for a Java that brings only its own.

Behind a company's proxy a packaged Java could not fetch Delta's jars otherwise.
"""

import contextlib
import hashlib
import re
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

from infrastructure.local.paths import cache_folder

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PASSWORD = "changeit"  # noqa: S105 (Java's own default; the certificates are public)


def truststore_flags() -> list[str]:
    """Return JVM flags that make Java trust the authorities that Python trusts; none where these are unknown."""
    bundle = ssl.get_default_verify_paths().cafile
    store = _store(Path(bundle).read_bytes()) if bundle else None
    if store is None:
        return []
    kind = {"trustStore": str(store), "trustStoreType": "PKCS12", "trustStorePassword": _PASSWORD}
    return [f"-Djavax.net.ssl.{name}={value}" for name, value in kind.items()]


def _store(bundle: bytes) -> Path | None:
    path = cache_folder() / f"authorities-{hashlib.sha256(bundle).hexdigest()[:16]}.p12"
    if not path.exists():
        authorities = [PKCS12Certificate(one, str(n).encode()) for n, one in enumerate(_authorities(bundle))]
        if not authorities:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(serialize_java_truststore(authorities, BestAvailableEncryption(_PASSWORD.encode())))
    return path


def _authorities(bundle: bytes) -> Iterator[x509.Certificate]:
    """The readable certificates; one that cannot be parsed is skipped."""
    for block in _CERTIFICATE.findall(bundle):
        with contextlib.suppress(ValueError), warnings.catch_warnings(action="ignore"):
            yield x509.load_pem_x509_certificate(block)
