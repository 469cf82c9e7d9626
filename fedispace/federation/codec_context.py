"""The JSON-LD contexts we emit, as shared constants.

Terms that are not of ActivityStreams are defined inline, so that nobody has to fetch a context of
ours. Whoever reads plain JSON loses nothing; whoever expands finds every term defined.
"""

from typing import Any, Final

AS2: Final = "https://www.w3.org/ns/activitystreams"
SECURITY: Final = "https://w3id.org/security/v1"
MULTIKEY: Final = "https://w3id.org/security/multikey/v1"
DATA_INTEGRITY: Final = "https://w3id.org/security/data-integrity/v1"
FEDISPACE: Final = "https://fedispace.example/ns#"

_POST_TERMS: Final[dict[str, Any]] = {
    "toot": "http://joinmastodon.org/ns#",
    "ostatus": "http://ostatus.org#",
    "Hashtag": "as:Hashtag",
    "sensitive": "as:sensitive",
    "Emoji": "toot:Emoji",
    "blurhash": "toot:blurhash",
    "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
    "conversation": "ostatus:conversation",
    "votersCount": "toot:votersCount",
    "contextHistory": {"@id": "https://w3id.org/fep/171b/contextHistory", "@type": "@id"},
}

_NOTE_TERMS: Final[dict[str, Any]] = {
    **_POST_TERMS,
    "misskey": "https://misskey-hub.net/ns#",
    "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
    "quoteAuthorization": {"@id": "https://w3id.org/fep/044f#quoteAuthorization", "@type": "@id"},
    "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
    "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
    "_misskey_quote": "misskey:_misskey_quote",
    "quoteUrl": "as:quoteUrl",
    "quoteUri": "http://fedibird.com/ns#quoteUri",
    "gts": "https://gotosocial.org/ns#",
    **{
        name: {"@id": f"gts:{name}", "@type": "@id"}
        for name in (
            "interactionPolicy",
            "canQuote",
            "canReply",
            "canLike",
            "canAnnounce",
            "automaticApproval",
            "manualApproval",
            "interactingObject",
            "interactionTarget",
            "replyAuthorization",
            "likeAuthorization",
            "announceAuthorization",
        )
    },
    **{
        name: f"gts:{name}"
        for name in (
            "ReplyRequest",
            "LikeRequest",
            "AnnounceRequest",
            "ReplyAuthorization",
            "LikeAuthorization",
            "AnnounceAuthorization",
        )
    },
}

_REACTION_TERMS: Final[dict[str, Any]] = {
    "toot": "http://joinmastodon.org/ns#",
    "misskey": "https://misskey-hub.net/ns#",
    "litepub": "http://litepub.social/ns#",
    "Emoji": "toot:Emoji",
    "EmojiReact": "litepub:EmojiReact",
    "_misskey_reaction": "misskey:_misskey_reaction",
}

_ACTOR_TERMS: Final[dict[str, Any]] = {
    "toot": "http://joinmastodon.org/ns#",
    "schema": "http://schema.org#",
    "PropertyValue": "schema:PropertyValue",
    "value": "schema:value",
    "assertionMethod": {
        "@id": "https://w3id.org/security#assertionMethod",
        "@type": "@id",
        "@container": "@set",
    },
    "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
    "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
    "movedTo": {"@id": "as:movedTo", "@type": "@id"},
    "featured": {"@id": "toot:featured", "@type": "@id"},
    "discoverable": "toot:discoverable",
    "indexable": "toot:indexable",
    "suspended": "toot:suspended",
    "memorial": "toot:memorial",
    "Emoji": "toot:Emoji",
    "webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger",
}

_EVENT_TERMS: Final[dict[str, Any]] = {
    **_POST_TERMS,
    "sc": "http://schema.org#",
    "mz": "https://joinmobilizon.org/ns#",
    "ical": "http://www.w3.org/2002/12/cal/ical#",
    "fep8a8e": "https://w3id.org/fep/8a8e/",
    "VirtualLocation": "sc:VirtualLocation",
    "timezone": "fep8a8e:timezone",
    "displayEndTime": "fep8a8e:displayEndTime",
    "eventStatus": {"@id": "fep8a8e:eventStatus", "@type": "@vocab"},
    "EventScheduled": "fep8a8e:EventScheduled",
    "EventRescheduled": "fep8a8e:EventRescheduled",
    "EventCancelled": "fep8a8e:EventCancelled",
    "previousStartTime": "fep8a8e:previousStartTime",
    "organizers": {"@id": "fep8a8e:organizers", "@type": "@id"},
    "attendees": {"@id": "fep8a8e:attendees", "@type": "@id"},
    "joinMode": {"@id": "mz:joinMode", "@type": "mz:joinModeType"},
    "isOnline": {"@id": "mz:isOnline", "@type": "sc:Boolean"},
    "status": "ical:status",
    "maximumAttendeeCapacity": "sc:maximumAttendeeCapacity",
    "category": "sc:category",
    "repliesModerationOption": {
        "@id": "mz:repliesModerationOption",
        "@type": "mz:repliesModerationOptionType",
    },
    "fs": FEDISPACE,
    "liveState": "fs:liveState",
    "startedAt": "fs:startedAt",
    "pausedAt": "fs:pausedAt",
    "endedAt": "fs:endedAt",
    "space": {"@id": "fs:space", "@type": "@id"},
    "speakers": {"@id": "fs:speakers", "@type": "@id"},
    "listenerCount": "fs:listenerCount",
    "recordingPolicy": "fs:recordingPolicy",
    "joinEndpoint": {"@id": "fs:joinEndpoint", "@type": "@id"},
    "listen": {"@id": "fs:listen", "@type": "@id"},
    "publish": {"@id": "fs:publish", "@type": "@id"},
    "signal": {"@id": "fs:signal", "@type": "@id"},
    "anonymousListeners": "fs:anonymousListeners",
    "speakPolicy": "fs:speakPolicy",
    "codecs": {"@id": "fs:codecs", "@container": "@set"},
}

PLAIN_CONTEXT: Final = AS2
NOTE_CONTEXT: Final = [AS2, _NOTE_TERMS]
REACTION_CONTEXT: Final = [AS2, _REACTION_TERMS]
ACTOR_CONTEXT: Final = [AS2, SECURITY, MULTIKEY, _ACTOR_TERMS]
EVENT_CONTEXT: Final = [AS2, SECURITY, _EVENT_TERMS]
TICKET_CONTEXT: Final = [AS2, {"fs": FEDISPACE}]
RSVP_CONTEXT: Final = [
    AS2,
    {
        "fs": FEDISPACE,
        "mz": "https://joinmobilizon.org/ns#",
        "participationMessage": "mz:participationMessage",
    },
]
