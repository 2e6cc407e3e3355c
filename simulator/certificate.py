"""A certificate for the simulator's own use: self-signed, for localhost and 127.0.0.1."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

__all__ = ["Certificate", "find_or_make"]

_NAMES = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")
_VALID = timedelta(days=90)
_AT_LEAST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


def find_or_make(folder: Path, now: datetime) -> Certificate:
    """The certificate in `folder`, made when there is none that is good for a week to come.

    It stays the same, so that whoever was told to trust it need not be told again.

    Raises:
        OSError: the folder cannot be written to.
    """
    found = Certificate(folder / "cert.pem", folder / "key.pem")
    if not _is_good(found, now):
        folder.mkdir(parents=True, exist_ok=True)
        _make(found, now)
    return found


def _is_good(certificate: Certificate, now: datetime) -> bool:
    from cryptography import x509

    try:
        known = x509.load_pem_x509_certificate(certificate.cert.read_bytes())
        certificate.context()
    except (OSError, ValueError, ssl.SSLError):
        return False
    return known.not_valid_before_utc <= now and now + _AT_LEAST < known.not_valid_after_utc


def _make(certificate: Certificate, now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "livegraph simulator")])
    names = [x509.DNSName(each) for each in _NAMES]
    addresses = [x509.IPAddress(ip_address(each)) for each in _ADDRESSES]
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        # Some libraries trust only what may sign, be it itself.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate.key.touch(mode=0o600)
    certificate.key.chmod(0o600)
    certificate.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
