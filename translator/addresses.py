"""What kind of host an address is: on the internet, in a private network, this machine itself, or a cloud's metadata service.

The only place that knows ranges. Proxies and keys (`settings/network_places`), base URLs (`settings/base_url`), links to pictures
(`media/urls`) and the connections themselves (`plugin_entry/network`) decide by the kind.
"""

import ipaddress
from enum import StrEnum

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressKind(StrEnum):
    """Where packets to an address go."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    METADATA = "metadata service"
    UNUSABLE = "unusable"
    """Multicast, documentation, reserved."""


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


METADATA_NETWORKS = _networks(
    "169.254.169.254/32",  # AWS, Azure, Google, Oracle, OpenStack and others
    "169.254.170.2/32",  # AWS ECS
    "169.254.170.23/32",  # AWS EKS
    "169.254.0.23/32",  # Tencent
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::254/128",  # AWS
    "fd00:ec2::23/128",  # AWS EKS
    "fd20:ce::254/128",  # Google
)
"""They hand the credentials of a machine to whoever asks from it."""

METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"})
"""Names of the same, for requests whose names a proxy looks up."""

PRIVATE_NETWORKS = _networks(
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # carrier-grade NAT, which Tailscale and similar private networks use
    "198.18.0.0/15",  # for measurements; programs that route everything through a proxy give such addresses to names
    "fc00::/7",  # unique local
    "fec0::/10",  # site-local, deprecated
)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


def address_in(host: str) -> Address | None:
    """The address that a host is, brackets and zone left out; None for a name.

    Of an IPv6 address that holds an IPv4 one (mapped, compatible, 6to4, NAT64, Teredo) the inner one, which is where packets end up.
    """
    try:
        address = ipaddress.ip_address(host.strip().removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    return address if isinstance(address, ipaddress.IPv4Address) else _inner(address)


def _inner(address: ipaddress.IPv6Address) -> Address:
    if address in _NAT64 or 1 < int(address) < 1 << 32:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def kind_of(address: Address) -> AddressKind:
    """The kind of an address as `address_in` gives it. An unspecified one (0.0.0.0, ::) leads to this machine."""
    if _is_in(address, METADATA_NETWORKS):
        return AddressKind.METADATA
    if address.is_loopback or address.is_unspecified:
        return AddressKind.LOOPBACK
    if address.is_link_local:
        return AddressKind.LINK_LOCAL
    if _is_in(address, PRIVATE_NETWORKS):
        return AddressKind.PRIVATE
    is_unusable = address.is_multicast or address.is_reserved or not address.is_global or address in _THIS_NETWORK
    return AddressKind.UNUSABLE if is_unusable else AddressKind.PUBLIC


def kind_of_host(host: str) -> AddressKind | None:
    """The kind of a host that is an address or a name of a metadata service; None for every other name."""
    address = address_in(host)
    if address is not None:
        return kind_of(address)
    return AddressKind.METADATA if host.lower().removesuffix(".") in METADATA_NAMES else None


def is_loopback(host: str) -> bool:
    """Whether a host as it stands in a URL is this machine itself, by its address or by its name."""
    name = host.lower().removesuffix(".")
    return kind_of_host(name) is AddressKind.LOOPBACK or name == "localhost" or name.endswith(".localhost")


def _is_in(address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)
