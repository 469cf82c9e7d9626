"""The OpenAPI 3.1 document, made from the route table and the entities' types.

Nothing is written twice: parameters come from what a handler takes, answers from what it returns,
the sentence from its docstring. What is not JSON (WHIP, WHEP and the events of a room) is described by hand
below.
"""

import re
import types
import typing
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from fedispace import __version__
from fedispace.accounts import scopes
from fedispace.api.entities.space import Problem
from fedispace.api.openapi_events import event_paths
from fedispace.api.routing import Besides, Dialect, Listing, Reply, Route, Who

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_FORMS: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_SDP: Final[Json] = {"application/sdp": {"schema": {"type": "string"}}}
_FRAGMENT: Final[Json] = {"application/trickle-ice-sdpfrag": {"schema": {"type": "string"}}}
_STREAM: Final[Json] = {
    "type": "object",
    "required": ["url", "session", "media_type", "expires_at"],
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "session": {"type": "string", "format": "uri", "description": "DELETE it to leave."},
        "media_type": {"type": "string"},
        "expires_at": {"type": "string", "format": "date-time"},
    },
}
_TAGS: Final = {
    Dialect.NATIVE: "fedispace",
    Dialect.MASTODON: "Mastodon compatible",
    Dialect.OAUTH: "OAuth",
}


class MastodonError(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, in Mastodon's form."""

    error: str


class OAuthError(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, by RFC 6749 section 5.2."""

    error: str
    error_description: str


_ERRORS: Final[dict[Dialect, tuple[type, str]]] = {
    Dialect.NATIVE: (Problem, "application/problem+json"),
    Dialect.MASTODON: (MastodonError, "application/json"),
    Dialect.OAUTH: (OAuthError, "application/json"),
}


def document(routes: Iterable[Route], *, origin: str, title: str) -> Json:
    """Return the description of every call in `routes` and of WHIP and WHEP."""
    paths, schemas = _calls(tuple(routes))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{title}: fedispace API",
            "version": __version__,
            "description": "Threads and live audio Spaces, and the calls of Mastodon's API served here.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _security(origin)},
    }


@cache
def _calls(routes: tuple[Route, ...]) -> tuple[Json, Json]:
    """Return the paths and the schemas they refer to: the same whoever serves them, and slow to find."""
    shapes: list[Any] = [kind for kind, _ in _ERRORS.values()]
    for route in routes:
        shapes += [route.takes, *_body_types(route.gives)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    schema_of = dict(zip((_key(each) for each in shapes), schemas, strict=True))
    paths: dict[str, Json] = {}
    for route in routes:
        described = _operation(route, schema_of, components)
        paths.setdefault(route.path, {})[route.method.lower()] = described
    problem = schema_of[_key(Problem)]
    return paths | _audio_paths(problem) | event_paths(problem), components


def _operation(route: Route, schema_of: dict[str, Json], components: dict[str, Json]) -> Json:
    in_path = re.findall(r"{(\w+)}", route.path)
    taken = _properties(schema_of[_key(route.takes)], components)
    given = {name: schema for name, schema in taken["properties"].items() if name not in in_path}
    operation: Json = {
        "operationId": _name(route),
        "summary": route.summary,
        "tags": [_TAGS[route.dialect]],
        "security": _needs(route),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": taken["properties"][name]}
            for name in in_path
        ],
        "responses": _responses(route, schema_of),
    }
    if route.method == "GET":
        operation["parameters"] += [
            _query(name, schema, required=name in taken["required"]) for name, schema in given.items()
        ]
    elif given:
        required = [name for name in taken["required"] if name in given]
        body: Json = {"type": "object", "properties": given}
        if required:
            body["required"] = required
        operation["requestBody"] = {
            "required": bool(required),
            "content": {kind: {"schema": body} for kind in _FORMS},
        }
    return operation


def _query(name: str, schema: Json, *, required: bool) -> Json:
    is_list = schema.get("type") == "array"
    return {
        "name": f"{name}[]" if is_list else name,
        "in": "query",
        "required": required,
        "schema": schema,
    }


def _responses(route: Route, schema_of: dict[str, Json]) -> Json:
    bodies = [schema_of[_key(each)] for each in _body_types(route.gives)]
    body = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
    success: Json = {"description": "Done.", "content": {"application/json": {"schema": body}}}
    if typing.get_origin(route.gives) is Listing:
        success["headers"] = {
            "Link": {"description": "The next and the previous page.", "schema": {"type": "string"}}
        }
    kind, media = _ERRORS[route.dialect]
    refused = {"description": "Refused.", "content": {media: {"schema": schema_of[_key(kind)]}}}
    made = route.dialect is Dialect.NATIVE and typing.get_origin(route.gives) is Reply
    return {"201" if made else "200": success, "4XX": refused}


def _needs(route: Route) -> list[Json]:
    if route.scope is None and route.who is Who.ANYONE:
        return []
    needs: list[Json] = [{"token": [route.scope] if route.scope is not None else []}]
    if route.besides is not Besides.NOTHING:
        needs.append({route.besides.value: []})
    return [{}, *needs] if route.who is Who.ANYONE and route.besides is not Besides.TICKET else needs


def _properties(schema: Json, components: dict[str, Json]) -> Json:
    found = components[schema["$ref"].rsplit("/", 1)[1]]
    return {"properties": found.get("properties", {}), "required": found.get("required", [])}


def _body_types(gives: Any) -> tuple[Any, ...]:
    """Return what a call may answer with; a union of entities is one or the other, by what was asked."""
    origin = typing.get_origin(gives)
    if origin is Listing:
        return (list[typing.get_args(gives)[0]],)  # type: ignore[misc]
    if origin is Reply:
        return _body_types(typing.get_args(gives)[0])
    if origin is types.UnionType:
        return typing.get_args(gives)
    return (gives,)


def _key(type_: Any) -> str:
    return f"{getattr(type_, '__module__', '')}.{type_!r}"


def _name(route: Route) -> str:
    parts = re.sub(r"[{}.]", "", route.path).strip("/").replace("-", "_").split("/")
    return "_".join([route.method.lower(), *parts])


def _security(origin: str) -> Json:
    flow: Json = {
        "authorizationUrl": f"{origin}/oauth/authorize",
        "tokenUrl": f"{origin}/oauth/token",
        "scopes": {scope: scope for scope in sorted(scopes.KNOWN)},
    }
    return {
        "token": {"type": "oauth2", "flows": {"authorizationCode": flow}},
        "ticket": {"type": "http", "scheme": "bearer", "description": "The ticket of a join."},
        "pass": {"type": "http", "scheme": "bearer", "description": "A pass for the Space in the path."},
    }


def _audio_paths(problem: Json) -> dict[str, Json]:
    refused = {"description": "Refused.", "content": {"application/problem+json": {"schema": problem}}}
    space = _in_path("id", {"type": "integer"})
    session = _in_path("resource", {"type": "string"})

    token: Json = {"token": ["write:statuses"]}

    def entrance(name: str, summary: str, security: list[Json]) -> Json:
        return {
            "operationId": name,
            "summary": summary,
            "tags": ["Audio"],
            "security": security,
            "parameters": [space],
            "requestBody": {"required": True, "content": _SDP},
            "responses": {
                "201": {
                    "description": "The answer; `Location` is the session.",
                    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
                    "content": _SDP,
                },
                "4XX": refused,
            },
        }

    return {
        "/spaces/{id}/whip": {
            "post": entrance("whip", "Speak: offer audio (RFC 9725).", [{"ticket": []}, {"pass": []}, token])
        },
        "/spaces/{id}/whep": {
            "post": entrance(
                "whep", "Listen: offer to receive audio.", [{}, {"ticket": []}, {"pass": []}, token]
            )
        },
        "/spaces/{id}/stream": {
            "post": {
                "operationId": "stream",
                "summary": "Listen over plain HTTP, seconds late: get an address that opens once.",
                "tags": ["Audio"],
                "security": [{}, {"ticket": []}, {"pass": []}, token],
                "parameters": [space],
                "responses": {
                    "201": {
                        "description": "`Location` is the address: good once, and for half a minute.",
                        "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
                        "content": {"application/json": {"schema": _STREAM}},
                    },
                    "303": {"description": "The same, when a form was posted."},
                    "4XX": refused,
                },
            }
        },
        "/spaces/{id}/stream/{address}": {
            "get": {
                "operationId": "streamed",
                "summary": "What the room hears from now on, to its end (RFC 7845).",
                "tags": ["Audio"],
                "security": [],
                "parameters": [space, _in_path("address", {"type": "string"})],
                "responses": {
                    "200": {"description": "Sound.", "content": {"audio/ogg; codecs=opus": {}}},
                    "4XX": refused,
                },
            }
        },
        "/spaces/{id}/sessions/{resource}": {
            "delete": {
                "operationId": "leave",
                "summary": "Leave.",
                "tags": ["Audio"],
                "security": [],
                "parameters": [space, session],
                "responses": {"200": {"description": "Left."}, "4XX": refused},
            },
            "patch": {
                "operationId": "restartIce",
                "summary": "Restart ICE, or send candidates (RFC 9725, section 4.3).",
                "tags": ["Audio"],
                "security": [],
                "parameters": [
                    space,
                    session,
                    {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {"required": True, "content": _FRAGMENT},
                "responses": {
                    "200": {"description": "Restarted: our new names.", "content": _FRAGMENT},
                    "204": {"description": "Candidates, which are not needed."},
                    "4XX": refused,
                },
            },
        },
    }


def _in_path(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def unique(routes: Iterable[Route]) -> list[Route]:
    """Return the routes once each; raises when two rows claim the same call."""
    seen: dict[tuple[str, str], Route] = {}
    for route in routes:
        if (route.method, route.path) in seen:
            raise ValueError(f"two handlers for {route.method} {route.path}")
        seen[route.method, route.path] = route
    return list(seen.values())
