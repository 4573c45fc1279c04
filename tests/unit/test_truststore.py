"""A Java of a package trusts whom this machine trusts."""

import ssl
import subprocess

import pytest

from infrastructure.local import spark
from infrastructure.local import truststore as trust

CERTIFICATE_BLOCKS = 3


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))


def _bundle(path, monkeypatch, content):
    path.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def _own_authorities():
    import certifi

    return trust._CERTIFICATE.findall(open(certifi.where(), "rb").read())[:CERTIFICATE_BLOCKS]  # noqa: PTH123


def test_java_reads_the_authorities_of_this_machine(cache, tmp_path, monkeypatch):
    _bundle(tmp_path / "ca.pem", monkeypatch, b"\n".join(_own_authorities()))
    options = dict(flag.removeprefix("-D").split("=", 1) for flag in trust.truststore_flags())
    keytool = spark._packaged_java() / "bin" / "keytool"
    command = [keytool, "-list", "-keystore", options["javax.net.ssl.trustStore"], "-storepass", "changeit"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert listed.stdout.count("trustedCertEntry") == CERTIFICATE_BLOCKS


def test_an_unreadable_certificate_costs_no_other(cache, tmp_path, monkeypatch):
    broken = b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----"
    _bundle(tmp_path / "ca.pem", monkeypatch, b"\n".join([broken, *_own_authorities()]))
    assert len(trust.truststore_flags()) == 3


@pytest.mark.parametrize("content", [b"", b"no certificate at all"])
def test_without_authorities_java_keeps_its_own(cache, tmp_path, monkeypatch, content):
    _bundle(tmp_path / "ca.pem", monkeypatch, content)
    assert trust.truststore_flags() == []


def test_without_a_bundle_java_keeps_its_own(monkeypatch):
    paths = ssl.DefaultVerifyPaths(None, None, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    assert trust.truststore_flags() == []
