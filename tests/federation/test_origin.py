"""Whose word counts."""

import pytest

from fedispace.federation import origin
from fedispace.federation.vocab.activities import Create, Delete, Update
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri

ADA = Uri("https://good.test/users/ada")
EVE = Uri("https://good.test/users/eve")
MALLORY = Uri("https://evil.test/users/mallory")


def note(id_: str, author: Uri) -> Note:
    return Note(id=Uri(id_), attributed_to=author)


def actor(**changed: object) -> Actor:
    plain: dict[str, object] = {
        "id": ADA,
        "type": "Person",
        "preferred_username": "ada",
        "inbox": Uri(f"{ADA}/inbox"),
        "public_keys": (PublicKeyRef(id=Uri(f"{ADA}#main-key"), owner=ADA, kind="rsa", pem="x"),),
    }
    return Actor(**(plain | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://good.test/a", "https://GOOD.test:443/b", True),
        ("https://good.test/a", "https://good.test./b", True),
        ("https://straße.test/a", "https://xn--strae-oqa.test/b", True),
        ("https://good.test/a", "http://good.test/a", False),
        ("https://good.test/a", "https://good.test:8443/a", False),
        ("https://good.test/a", "https://good.test.evil.test/a", False),
        ("https://good.test/a", "https://evil.test/https://good.test/a", False),
        ("https://good.test/a", "https://good.test@evil.test/a", False),
        ("https://good.test/a", "https://sub.good.test/a", False),
        ("https://good.test/a", "nonsense", False),
        ("", "", False),
    ],
)
def test_origins_are_compared_by_scheme_host_and_port(first: str, second: str, same: bool) -> None:
    assert origin.same_origin(first, second) is same


@pytest.mark.row(17, 29)
def test_only_the_key_owner_may_send_and_only_with_ids_of_its_server() -> None:
    own = Delete(id=Uri("https://good.test/d/1"), actor=ADA, object=ADA)
    assert origin.may_send(own, ADA)
    assert not origin.may_send(own, EVE)
    assert not origin.may_send(own, MALLORY)
    foreign_id = Delete(id=Uri("https://evil.test/d/1"), actor=ADA, object=ADA)
    assert not origin.may_send(foreign_id, ADA)


@pytest.mark.parametrize(
    ("id_", "author", "counts"),
    [
        ("https://good.test/n/1", ADA, True),
        ("https://good.test/n/1", EVE, False),
        ("https://evil.test/n/1", ADA, False),
        ("https://evil.test/n/1", MALLORY, False),
    ],
)
@pytest.mark.attack(4, 5)
@pytest.mark.row(28)
def test_an_embedded_note_counts_only_as_its_senders_own(id_: str, author: Uri, counts: bool) -> None:
    create = Create(id=Uri("https://good.test/c/1"), actor=ADA, object=note(id_, author))
    assert origin.is_own_word(create) is counts


def test_a_bare_id_is_nobodys_word() -> None:
    update = Update(id=Uri("https://good.test/u/1"), actor=ADA, object=Uri("https://good.test/n/1"))
    assert not origin.is_own_word(update)


def test_an_actor_speaks_for_itself_only() -> None:
    assert origin.may_speak_for(ADA, actor())
    assert not origin.may_speak_for(EVE, actor())


def test_a_neighbour_on_the_same_server_may_not_change_what_is_not_theirs() -> None:
    assert origin.may_change(ADA, ADA)
    assert not origin.may_change(EVE, ADA)


@pytest.mark.parametrize("field", ["inbox", "shared_inbox", "outbox", "followers", "following"])
@pytest.mark.attack(30)
@pytest.mark.row(74)
def test_an_actor_with_a_home_elsewhere_is_not_coherent(field: str) -> None:
    assert origin.is_coherent(actor())
    assert not origin.is_coherent(actor(**{field: Uri("https://evil.test/inbox")}))


@pytest.mark.attack(30)
def test_an_actor_with_somebody_elses_key_is_not_coherent() -> None:
    foreign = PublicKeyRef(id=Uri("https://evil.test/key"), owner=ADA, kind="rsa", pem="x")
    borrowed = PublicKeyRef(id=Uri(f"{ADA}#main-key"), owner=EVE, kind="rsa", pem="x")
    assert not origin.is_coherent(actor(public_keys=(foreign,)))
    assert not origin.is_coherent(actor(public_keys=(borrowed,)))


def test_only_the_owners_document_confirms_a_key() -> None:
    assert origin.confirms_key(actor(), Uri(f"{ADA}#main-key"))
    assert not origin.confirms_key(actor(), Uri(f"{MALLORY}#main-key"))
