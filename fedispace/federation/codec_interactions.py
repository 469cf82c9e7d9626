"""Reading and writing interaction policies and authorizations, in every form that peers use.

Policies have had two spellings: `automaticApproval` and `manualApproval` (FEP-044f, GoToSocial since
0.20), and before `always` and `approvalRequired`; both may stand in one object, and each as a string or
a list. Authorizations were `...Approval` objects with `object` and `target` for a while.
"""

from typing import Any, Final

from fedispace.errors import Invalid
from fedispace.federation import codec_shapes as shapes
from fedispace.federation.codec_shapes import Json
from fedispace.federation.vocab.interactions import (
    AUTHORIZATION_TYPES,
    Authorization,
    AuthorizationType,
    InteractionPolicy,
    SubPolicy,
)
from fedispace.federation.vocab.uri import Uri

MAX_NAMED: Final = 100
_OLD_NAMES: Final[dict[str, AuthorizationType]] = {
    "ReplyApproval": "ReplyAuthorization",
    "LikeApproval": "LikeAuthorization",
    "AnnounceApproval": "AnnounceAuthorization",
}
_TYPES: Final[dict[str, AuthorizationType]] = {**{name: name for name in AUTHORIZATION_TYPES}, **_OLD_NAMES}
KINDS: Final = frozenset(_TYPES)


def policy(document: Json) -> InteractionPolicy | None:
    """Return the policy of a post; None when it states none, which is also what an empty one means."""
    stated = document.get("interactionPolicy")
    if type(stated) is not dict:
        return None
    found = InteractionPolicy(
        can_quote=_sub_policy(stated.get("canQuote")),
        can_reply=_sub_policy(stated.get("canReply")),
        can_like=_sub_policy(stated.get("canLike")),
        can_announce=_sub_policy(stated.get("canAnnounce")),
    )
    return None if found == InteractionPolicy() else found


def _sub_policy(value: Any) -> SubPolicy | None:
    if type(value) is not dict:
        return None
    found = SubPolicy(
        automatic=_named(value, "automaticApproval", "always"),
        manual=_named(value, "manualApproval", "approvalRequired"),
    )
    return None if found == SubPolicy() else found


def _named(value: Json, name: str, old_name: str) -> tuple[Uri, ...]:
    stated = value.get(name)
    return shapes.audience(value.get(old_name) if stated is None else stated)[:MAX_NAMED]


def reply_authorization(document: Json) -> Uri | None:
    """Return what proves that a reply was let in; GoToSocial wrote `approvedBy` before."""
    return shapes.uri(document.get("replyAuthorization")) or shapes.uri(document.get("approvedBy"))


def authorization(document: Json, kind: str) -> Authorization:
    """Read an authorization."""
    interacting = shapes.uri(document.get("interactingObject")) or shapes.uri(document.get("object"))
    target = shapes.uri(document.get("interactionTarget")) or shapes.uri(document.get("target"))
    if interacting is None or target is None:
        raise Invalid("interactingObject, interactionTarget: addresses are expected")
    return Authorization(
        id=shapes.required_id(document),
        type=_TYPES[kind],
        attributed_to=shapes.required_uri(document, "attributedTo"),
        interacting_object=interacting,
        interaction_target=target,
    )


def write_policy(policy: InteractionPolicy | None) -> dict[str, Any] | None:
    """Write a policy. Both dialects read it: the kinds have different names and the parts the same."""
    if policy is None:
        return None
    kinds = {
        "canQuote": policy.can_quote,
        "canReply": policy.can_reply,
        "canLike": policy.can_like,
        "canAnnounce": policy.can_announce,
    }
    return {name: _write_sub_policy(kind) for name, kind in kinds.items() if kind is not None}


def _write_sub_policy(kind: SubPolicy) -> dict[str, Any]:
    manual = {"manualApproval": list(kind.manual)} if kind.manual else {}
    return {"automaticApproval": list(kind.automatic), **manual}


def write_authorization(authorization: Authorization) -> dict[str, Any]:
    """Write an authorization; what it is about is named and never embedded (FEP-044f)."""
    return {
        "id": authorization.id,
        "type": authorization.type,
        "attributedTo": authorization.attributed_to,
        "interactingObject": authorization.interacting_object,
        "interactionTarget": authorization.interaction_target,
    }
