"""Host names in one spelling."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedispace.errors import Invalid
from fedispace.hosts import host_of, normalize_host, origin_of


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("straße.example", "xn--strae-oqa.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("日本語。jp", "xn--wgv71a119e.jp"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[2001:0DB8::0001]", "[2001:db8::1]"),
        ("localhost", "localhost"),
        ("3com.example", "3com.example"),
    ],
)
def test_every_spelling_of_a_host_becomes_one(written: str, one: str) -> None:
    assert normalize_host(written) == one
    assert normalize_host(one) == one


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "-a.example",
        "a-.example",
        "a_b.example",
        "a b.example",
        "a\tb.example",
        "a/b",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "①②⑦.⓪.⓪.①",
        "example.0x1",
        "1.2.3.4.5",
        "[::1",
        "[127.0.0.1]",
        "[fe80::1%eth0]",
        "x" * 64 + ".example",
        "x." * 130 + "example",
        "\ud800.example",
    ],
)
def test_what_is_no_host_name_or_could_be_read_as_a_number_is_refused(host: str) -> None:
    with pytest.raises(Invalid):
        normalize_host(host)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://Example.com/@a?b#c", "example.com"),
        ("https://example.com:443", "example.com"),
        ("http://example.com:80/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("https://takahe.test/@bob@takahe.test/", "takahe.test"),
        ("https://[::1]:8443/x", "[::1]:8443"),
    ],
)
def test_the_host_of_an_address_has_its_port_when_it_is_not_the_usual(uri: str, host: str) -> None:
    assert host_of(uri) == host


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "data:,x",
        "acct:a@example.com",
        "https://",
        "https:///x",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa\tmple.com/",
        "https://example.com\\@evil.example/",
        "https://[::1/",
    ],
)
def test_what_is_no_plain_http_address_has_no_host(uri: str) -> None:
    with pytest.raises(Invalid):
        host_of(uri)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin_of("https://Example.com/x") == ("https", "example.com", 443)
    assert origin_of("http://example.com:8080") == ("http", "example.com", 8080)


@settings(max_examples=300, deadline=None, database=None)
@given(text=st.text(max_size=40))
def test_no_text_makes_it_fail(text: str) -> None:
    for candidate in (text, f"https://{text}/", f"https://{text}.example/"):
        try:
            assert host_of(candidate).isascii()
        except Invalid:
            continue
