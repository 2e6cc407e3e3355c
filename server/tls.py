"""A certificate made here, for https on a network of one's own: browsers warn of it, and then give the microphone."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

__all__ = ["self_signed"]

_VALID = timedelta(days=90)
_AT_LEAST = timedelta(days=7)


def self_signed(folder: Path, addresses: Sequence[str], now: datetime) -> tuple[Path, Path]:
    """Certificate and key in ``folder`` for localhost and these addresses, made when there is none that is good.

    It stays the same while it is good, so that a telephone that accepted it is not asked again. Raises ``OSError``.
    """
    cert, key = folder / "cert.pem", folder / "key.pem"
    wanted = frozenset(("127.0.0.1", "::1", *addresses))
    if not _is_good(cert, key, wanted, now):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(cert, key, sorted(wanted), now)
    return cert, key


def _is_good(cert: Path, key: Path, wanted: frozenset[str], now: datetime) -> bool:
    from cryptography import x509

    try:
        known = x509.load_pem_x509_certificate(cert.read_bytes())
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
        names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, ssl.SSLError, x509.ExtensionNotFound):
        return False
    has = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return wanted <= has and known.not_valid_before_utc <= now and now + _AT_LEAST < known.not_valid_after_utc


def _make(cert: Path, key: Path, addresses: Sequence[str], now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "livegraph on this network")])
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(address)) for address in addresses)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write(
        key,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    _write(cert, made.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, data: bytes) -> None:
    """Beside, then in its place, and for its owner only."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
    beside.replace(path)
