"""Certificates for servers and clients on loopback: an authority as clusters make them for themselves."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_END = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Authority:
    """Signs certificates. ``pem`` is its own; without key identifiers, as that of EKS and older MicroK8s."""

    pem: bytes
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, name: str, *addresses: str) -> tuple[bytes, bytes]:
        """A certificate and its key, PEM, for a client called ``name`` or a server at addresses or names."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(name, self.certificate.subject, key)
        if addresses:
            names = x509.SubjectAlternativeName([_alternative(address) for address in addresses])
            made = made.add_extension(names, critical=False)
        return _pem(made.sign(self.key, hashes.SHA256())), _key(key)

    def server(self, *names: str) -> ssl.SSLContext:
        """TLS for a server on loopback, which may have other names, that looks at the client's certificate if
        it shows one.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cadata=self.pem.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            for path, data in zip(
                (certificate, key), self.issue("server", "127.0.0.1", "::1", *names), strict=True
            ):
                path.write_bytes(data)
            context.load_cert_chain(certificate, key)
        return context


def _alternative(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


@functools.cache
def authority(name: str = "loopback") -> Authority:
    """The same each time for a name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = _builder(name, subject, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    certificate = made.sign(key, hashes.SHA256())
    return Authority(_pem(certificate), certificate, key)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=_START,
        not_valid_after=_END,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
