"""What a browser is told it may load, run and frame."""

import re

import pytest

from tests.web.gallery import pages
from tests.web.house import House, Visitor

_DRAWN = pages()
_LOADS = re.compile(
    r"<(?:script|img|audio|video|source|iframe|embed|object)\b[^>]*\b(?:src|data)=\"([^\"]+)\""
)
_LINKS = re.compile(r'<link rel="(?:stylesheet|icon|modulepreload)"[^>]*href="([^"]+)"')


@pytest.mark.parametrize("name", sorted(_DRAWN))
def test_no_page_carries_script_or_style_of_its_own(name: str) -> None:
    html = _DRAWN[name]
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=", html)
    assert not re.search(r"<[^>]+\son[a-z]+=", html)
    assert "javascript:" not in html


@pytest.mark.privacy("P-15")
@pytest.mark.parametrize("name", sorted(_DRAWN))
def test_no_page_loads_anything_from_elsewhere(name: str) -> None:
    html = _DRAWN[name]
    loaded = _LOADS.findall(html) + _LINKS.findall(html)
    assert loaded
    assert [url for url in loaded if not re.match(r"/(?!/)", url)] == []


@pytest.mark.privacy("P-15")
@pytest.mark.parametrize(
    "path", ["/", "/public", "/spaces", "/search?q=x", "/auth/sign_in", "/nothing/here", "/@nobody"]
)
async def test_every_page_says_what_may_run(stranger: Visitor, path: str) -> None:
    headers = (await stranger.get(path)).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["img-src"] == "'self'"
    assert policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "microphone=()" in headers["Permissions-Policy"]


async def test_a_signed_in_page_is_kept_by_nobody(alice: Visitor) -> None:
    assert (await alice.get("/")).headers["Cache-Control"] == "private, no-store"


async def test_an_address_that_is_no_page_is_told_in_words(stranger: Visitor) -> None:
    seen = await stranger.get("/<script>alert(1)</script>")
    assert seen.status == 404
    assert "Nothing here" in seen.words
    assert "<script>alert" not in seen.text


@pytest.mark.parametrize(
    "path", ["/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/space.js", "/assets/..%5capp.py"]
)
async def test_static_files_have_one_address_each(stranger: Visitor, path: str) -> None:
    assert (await stranger.get(path)).status == 404


async def test_static_files_may_be_kept_for_ever(house: House, stranger: Visitor) -> None:
    page = await stranger.get("/")
    found = re.findall(r'(?:src|href)="(/assets/[^"#]+)', page.text)
    assert len(found) > 4
    for url in found:
        seen = await stranger.get(url)
        assert seen.status == 200
        assert "immutable" in seen.headers["Cache-Control"]
