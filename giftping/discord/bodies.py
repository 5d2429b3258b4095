"""The bodies of requests to Discord, and of its answers."""

from __future__ import annotations

import json as json_text
import re
from collections.abc import Sequence
from typing import Any

from giftping.discord.failures import interruption_of
from giftping.discord.message import Upload
from giftping.net.lean_httpx import httpx

PLAIN_BYTES = "application/octet-stream"

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


def read_json(body: bytes) -> Any:
    """What a JSON body holds, None for one that is no JSON."""
    try:
        return json_text.loads(body)
    except (ValueError, RecursionError):
        return None


def form_parts(body: Any, files: Sequence[Upload]) -> list[tuple[str, tuple[str | None, bytes, str]]]:
    """The parts of a form: the JSON body where there is one, and the files (API reference, Uploading Files)."""
    parts: list[tuple[str, tuple[str | None, bytes, str]]] = []
    if body is not None:
        parts.append(("payload_json", (None, json_text.dumps(body).encode(), "application/json")))
    for number, file in enumerate(files):
        content_type = file.content_type if _MEDIA_TYPE.fullmatch(file.content_type) else PLAIN_BYTES
        parts.append((f"files[{number}]", (file.filename, file.content, content_type)))
    return parts


def read_body(response: httpx.Response, most: int) -> tuple[bytes, str]:
    """The body as far as it came, and what kept the rest from coming."""
    body = bytearray()
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > most:
                return bytes(body[:most]), f"the answer is larger than {most} bytes"
    except httpx.HTTPError as error:
        return bytes(body), f"{interruption_of(error)} before the answer was whole"
    return bytes(body), ""
