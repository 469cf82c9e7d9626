"""The OpenAPI document says what the code does, because it is made from it."""

import re
from typing import Any

import msgspec
from openapi_spec_validator import OpenAPIV31SpecValidator

from fedispace.api.app import GROUPS, table
from tests.api.site import Site

OURS = {
    ("post", "/api/fedispace/v1/spaces"),
    ("get", "/api/fedispace/v1/spaces"),
    ("get", "/api/fedispace/v1/spaces/resolve"),
    ("get", "/api/fedispace/v1/spaces/{id}"),
    ("post", "/api/fedispace/v1/spaces/{id}/open"),
    ("post", "/api/fedispace/v1/spaces/{id}/close"),
    ("post", "/api/fedispace/v1/spaces/{id}/cancel"),
    ("post", "/api/fedispace/v1/spaces/{id}/join"),
    ("post", "/api/fedispace/v1/threads"),
    ("post", "/spaces/{id}/whip"),
    ("post", "/spaces/{id}/whep"),
}


async def document(site: Site) -> dict[str, Any]:
    found = await site.anyone.get("/api/fedispace/v1/openapi.json")
    assert isinstance(found, dict)
    return found


async def test_the_document_is_valid_openapi_3_1(site: Site) -> None:
    found = await document(site)
    assert found["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(found).validate()


async def test_every_call_is_described(site: Site) -> None:
    described = {(method, path) for path, item in (await document(site))["paths"].items() for method in item}
    assert described >= OURS
    assert described >= {(route.method.lower(), route.path) for route in table()}


async def test_a_description_names_parameters_body_answer_and_scope(site: Site) -> None:
    found = await document(site)
    create = found["paths"]["/api/fedispace/v1/spaces"]["post"]
    body = create["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["title"]
    assert body["properties"].keys() == {
        "title", "description", "starts_at", "access", "topics", "language", "speak_policy", "about_id",
    }  # fmt: skip
    answer = create["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Space"}
    assert create["security"] == [{"token": ["write:statuses"]}]
    problem = create["responses"]["4XX"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    space = found["components"]["schemas"]["Space"]
    assert set(space["required"]) >= {"id", "uri", "url", "title", "state", "host", "access"}
    listing = found["paths"]["/api/fedispace/v1/spaces"]["get"]
    assert {each["name"] for each in listing["parameters"]} == {
        "state", "limit", "max_id", "min_id", "since_id",
    }  # fmt: skip


async def test_every_call_has_a_sentence_and_a_name_of_its_own(site: Site) -> None:
    operations = [item[method] for item in (await document(site))["paths"].values() for method in item]
    assert all(operation["summary"].endswith(".") for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_no_two_rows_claim_the_same_call() -> None:
    rows = [(route.method, route.path) for group in GROUPS for route in group.routes.rows]
    assert len(rows) == len(set(rows))


def test_what_stands_in_a_path_is_what_a_call_takes() -> None:
    for route in table():
        taken = {field.name for field in msgspec.structs.fields(route.takes)}
        assert set(re.findall(r"{(\w+)}", route.path)) <= taken, route.path
