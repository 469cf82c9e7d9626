"""Which addresses may be connected to."""

import pytest

from fedispace.address_rule import AddressRule
from fedispace.errors import ConfigError

RULE = AddressRule()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.1.1",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2620:4f:8000::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_what_is_not_public_unicast_is_refused(address: str) -> None:
    assert RULE.refusal(address, 443) == "addr_private"


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "100.63.255.255", "172.32.0.1", "193.0.0.1", "2606:4700::1", "2a00:1450::1"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert RULE.refusal(address, 443) is None


@pytest.mark.parametrize("port", [22, 25, 80, 6379, 8080, 8443])
def test_only_the_port_of_https_is_allowed(port: int) -> None:
    assert RULE.refusal("8.8.8.8", port) == "port"


def test_the_port_of_http_is_allowed_with_plain_http() -> None:
    assert AddressRule(allow_http=True).refusal("8.8.8.8", 80) is None
    assert AddressRule(allow_http=True).refusal("8.8.8.8", 8080) == "port"


def test_the_operators_own_networks_are_exempt_with_every_port_and_nothing_beside_them() -> None:
    rule = AddressRule(["127.0.0.0/24", "fd00::/64"])
    assert rule.refusal("127.0.0.7", 6379) is None
    assert rule.refusal("fd00::1", 8443) is None
    assert rule.refusal("127.0.1.1", 443) == "addr_private"
    assert rule.refusal("::ffff:127.0.0.7", 443) == "addr_private"


def test_an_exemption_that_is_no_network_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError):
        AddressRule(["localnet"])
