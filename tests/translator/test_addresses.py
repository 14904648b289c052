"""Every kind of address in every spelling; what packets reach counts, not how it is written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.addresses import AddressKind, address_in, is_loopback, kind_of, kind_of_host

KINDS: dict[AddressKind, tuple[str, ...]] = {
    AddressKind.PUBLIC: ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "[2606:4700::1111]", "::ffff:8.8.8.8", "64:ff9b::808:808"),
    AddressKind.PRIVATE: (
        *("10.0.0.1", "172.18.0.5", "192.168.1.1", "100.64.0.1", "198.18.0.1", "fd12::1", "fc00::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:808:808:0:0:f5ff:fffe"),
    ),
    AddressKind.LOOPBACK: (
        *("127.0.0.1", "127.8.8.8", "::1", "[::1]", "0.0.0.0", "::"),
        *("::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"),
    ),
    AddressKind.LINK_LOCAL: ("169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.0.1"),
    AddressKind.METADATA: (
        *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
        *("::ffff:169.254.169.254", "2002:a9fe:a9fe::", "64:ff9b::a9fe:a9fe", "::169.254.169.254"),
    ),
    AddressKind.UNUSABLE: ("224.0.0.1", "ff02::1", "0.1.2.3", "255.255.255.255", "240.0.0.1", "192.0.2.1", "2001:db8::1", "fe00::1"),
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in KINDS.items() for text in texts])
def test_kind(kind: AddressKind, text: str) -> None:
    address = address_in(text)
    assert address is not None
    assert kind_of(address) is kind
    assert kind_of_host(text) is kind


@pytest.mark.parametrize("text", ["", "files.example", "localhost", "0x7f.1", "2130706433", "127.1", "1.2.3.4.5"])
def test_names_have_no_kind(text: str) -> None:
    assert kind_of_host(text) is None


@pytest.mark.parametrize("name", ["metadata.google.internal", "METADATA.google.internal.", "instance-data.ec2.internal"])
def test_names_of_metadata_services(name: str) -> None:
    assert kind_of_host(name) is AddressKind.METADATA


@given(st.ip_addresses())
def test_every_address_has_one_kind_and_ipv6_spells_it_too(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    kind = kind_of_host(str(address))
    assert kind is not None
    if address.version == 4:
        assert kind_of_host(f"::ffff:{address}") is kind
    if kind is AddressKind.PUBLIC:
        assert address.is_global or address.version == 6


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        *((text, True) for text in ("127.0.0.1", "127.8.8.8", "::1", "localhost", "a.localhost", "LOCALHOST.", "0.0.0.0")),
        *((text, False) for text in ("h", "10.0.0.1", "localhost.example", "mylocalhost")),
    ],
)
def test_loopback(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it
