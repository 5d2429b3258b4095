"""How the stand-in Discord reads the body of a request: JSON, or a form of JSON and files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from giftping.demo.calls import ApiError
from giftping.demo.loopback import Request
from giftping.demo.rules import MAX_ATTACHMENTS, Upload

MAX_FILES_SIZE = 10 * 1024 * 1024
"""Bytes that the files of a message may have together (Discord's upload limit without boosts)."""

_FILE = re.compile(r"files\[(\d+)\]")


def body_of(request: Request, *, takes_files: bool) -> tuple[Mapping[str, Any], tuple[Upload, ...]]:
    """The JSON object of a body, and the files that came with it. Raise ApiError for what is neither."""
    given = request.headers.get("content-type", "")
    kind = given.partition(";")[0].strip().lower()
    if kind == "application/json":
        return _object_of(request.body), ()
    if kind == "multipart/form-data" and takes_files:
        return _form_of(given, request.body)
    raise ApiError(400, 50035, "Expected Content-Type header to be application/json", unexpected=True)


def _object_of(text: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from error
    if not isinstance(body, dict):
        raise ApiError(400, 50035, "Only dictionaries may be used in a ModelType")
    return body


def _form_of(kind: str, form: bytes) -> tuple[Mapping[str, Any], tuple[Upload, ...]]:
    body: Mapping[str, Any] = {}
    uploads: dict[int, Upload] = {}
    for name, part, content in _parts(kind, form):
        found = _FILE.fullmatch(name)
        if name == "payload_json":
            body = _object_of(content)
        elif found is not None:
            number = int(found[1])
            uploads[number] = Upload(number, part.get_filename(name), part.get_content_type(), content)
        else:
            raise ApiError(400, 0, f"the stand-in Discord does not know {name!r} in a form", unexpected=True)
    if sum(len(upload.content) for upload in uploads.values()) > MAX_FILES_SIZE:
        raise ApiError(413, 40005, "Request entity too large")
    if len(uploads) > MAX_ATTACHMENTS:
        raise ApiError(400, 30015, f"Maximum number of attachments in a message reached ({MAX_ATTACHMENTS})")
    return body, tuple(uploads[number] for number in sorted(uploads))


def _parts(kind: str, form: bytes) -> Iterator[tuple[str, EmailMessage, bytes]]:
    boundary = _headers_of(b"Content-Type: " + kind.encode("latin-1")).get_boundary()
    # What stands in the parts may look like anything, so only their headers are given to a parser of messages.
    pieces = (b"\r\n" + form).split(b"\r\n--" + (boundary or "").encode("latin-1"))
    if not boundary or not pieces[-1].startswith(b"--"):
        raise ApiError(400, 50035, "The request body is no valid multipart form")
    for part in pieces[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        headers = _headers_of(head.lstrip())
        yield str(headers.get_param("name", "", header="content-disposition")), headers, content


def _headers_of(text: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=HTTP).parsebytes(text, headersonly=True)
