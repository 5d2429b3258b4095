"""Checks bodies against Discord's own OpenAPI description, where it lies beside the checkout."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

DESCRIPTION = Path(__file__).parents[2] / ".." / "shared" / "discord-openapi.json"
ABSENT = "the OpenAPI description of Discord is not beside the checkout (../shared/discord-openapi.json)"

# Discord ignores these on a webhook; the stand-in lists them by itself.
_IGNORED = {"nonce", "enforce_nonce"}


class OpenApi:
    """The description, with a validator for each request and response it is asked about."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._paths = description["paths"]
        self._components = description["components"]
        self._request_validator = cache(self._make_request_validator)
        self._response_validator = cache(self._make_response_validator)

    def request_violations(self, method: str, template: str, body: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a request's body, unknown keys too, which the description itself lets pass."""
        found = _told(self._request_validator(method, template), body)
        known = self._known_keys(method, template) | _IGNORED
        found += [f"unknown key {key!r}" for key in body if key not in known]
        embed_keys = self._components["schemas"]["RichEmbed"]["properties"]
        for index, embed in enumerate(body.get("embeds") or ()):
            found += [f"embeds/{index}: unknown key {key!r}" for key in embed if key not in embed_keys]
        return found

    def response_violations(self, method: str, template: str, status: int, body: object) -> list[str]:
        """Return what is wrong with a response's body."""
        return _told(self._response_validator(method, template, status), body)

    def _make_request_validator(self, method: str, template: str) -> Draft202012Validator:
        return self._validator(self._request_schema(method, template))

    def _make_response_validator(self, method: str, template: str, status: int) -> Draft202012Validator:
        responses = self._paths[template][method.lower()]["responses"]
        key = str(status) if str(status) in responses else f"{status // 100}XX"
        response = responses[key]
        if "$ref" in response:
            response = self._components["responses"][response["$ref"].rpartition("/")[2]]
        return self._validator(response["content"]["application/json"]["schema"])

    def _request_schema(self, method: str, template: str) -> Mapping[str, Any]:
        body = self._paths[template][method.lower()]["requestBody"]
        return body["content"]["application/json"]["schema"]

    def _known_keys(self, method: str, template: str) -> set[str]:
        schema = self._request_schema(method, template)
        known: set[str] = set()
        for option in schema.get("anyOf", [schema]):
            known |= set(self._components["schemas"][option["$ref"].rpartition("/")[2]]["properties"])
        return known

    def schema_violations(self, name: str, body: object) -> list[str]:
        """Return what is wrong with a value of one of the description's schemas."""
        return _told(self._validator({"$ref": f"#/components/schemas/{name}"}), body)

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        whole = {"allOf": [schema], "components": self._components}
        return Draft202012Validator(whole, format_checker=FormatChecker())


def _told(validator: Draft202012Validator, body: object) -> list[str]:
    errors = validator.iter_errors(body)
    return [f"{'/'.join(str(step) for step in error.absolute_path)}: {error.message}" for error in errors]


@cache
def discord_openapi() -> OpenApi | None:
    """Return the description, None where it is not beside the checkout."""
    if not DESCRIPTION.is_file():
        return None
    return OpenApi(json.loads(DESCRIPTION.read_text(encoding="utf-8")))
