"""The bytes of a response as text or JSON, whatever they are."""

from __future__ import annotations

import codecs
import json
import re

from giftping.codes.sources.kinds import ShapeChangedError

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
# Only encodings that the web uses for text: Python knows codecs that are no character encodings at all.
_ENCODINGS = re.compile(
    r"utf-?8|utf-?16(?:-?[lb]e)?|us-ascii|ascii|iso-?8859-\d{1,2}|latin-?1|windows-125\d|cp125\d|koi8-[ru]"
    r"|shift[_-]jis|euc-(?:jp|kr)|gbk|gb2312|gb18030|big5",
    re.IGNORECASE,
)
_HTML = re.compile(r"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def text_of(body: bytes, content_type: str) -> str:
    """The body as text: by its byte order mark, the content type's charset, else UTF-8.

    What does not decode becomes U+FFFD, which no code may hold.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    found = _CHARSET.search(content_type)
    encoding = found[1] if found and _ENCODINGS.fullmatch(found[1]) else "utf-8"
    try:
        return body.decode(encoding, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def looks_like_html(text: str, content_type: str) -> bool:
    """Whether a body is a web page, by its first tag or its content type."""
    return bool(_HTML.match(text)) or content_type.lower().startswith(("text/html", "application/xhtml"))


def json_of(text: str, content_type: str) -> object:
    """The JSON value that a body holds. Raise ShapeChangedError where it is none."""
    if not text.strip():
        raise ShapeChangedError("the body is empty; JSON was expected")
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ShapeChangedError("the JSON is nested too deep") from None
    except ValueError as error:
        what = "a web page" if looks_like_html(text, content_type) else f"not JSON ({str(error)[:80]})"
        raise ShapeChangedError(f"the body is {what}; JSON was expected") from None


def _no_number(_name: str) -> None:
    """NaN and the infinities are no JSON; they stand for a missing value."""
