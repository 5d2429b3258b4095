"""Requests that got no answer: whether they were sent, and in words what happened to them. Pure."""

from __future__ import annotations

import socket
import ssl

from giftping.discord.outcome import Refused, Unclear
from giftping.discord.refusals import clean
from giftping.net.lean_httpx import httpx
from giftping.net.transport import UNUSABLE_ENVIRONMENT

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""What can only happen before the first byte. Everything else may have reached Discord, and is unclear."""


def outcome_of_error(error: httpx.HTTPError | httpx.InvalidURL, *, sent: bool = True) -> Refused | Unclear:
    """How a request ended that an error of httpx broke off: Refused where it surely was not sent.

    `sent` says whether its first byte may have gone out.
    """
    if isinstance(error, UNUSABLE_ENVIRONMENT):
        return Refused(f"could not connect: {error}", everywhere=True)
    if isinstance(error, _UNSENT) or not sent:
        return Refused(f"could not connect: {cause_of(error)}")
    if isinstance(error, httpx.InvalidURL):
        return Unclear("redirected to an invalid URL after the request was written")
    return Unclear(f"{interruption_of(error)} after the request was written")


def interruption_of(error: httpx.HTTPError) -> str:
    """What happened to a request on its way, in words; never the error's own text, which may quote a header."""
    if isinstance(error, httpx.TimeoutException):
        return "timed out"
    if isinstance(error, httpx.NetworkError):
        return cause_of(error)
    return "connection closed or not HTTP"


def cause_of(error: BaseException) -> str:
    """What the system said beneath an error of httpx, in words."""
    beneath: BaseException | None = error
    while beneath is not None:
        if isinstance(beneath, socket.gaierror):
            return "the name of the host was not found"
        if isinstance(beneath, ssl.SSLCertVerificationError):
            return clean(f"the certificate was not accepted: {beneath.verify_message}")
        if isinstance(beneath, OSError) and beneath.errno is not None and beneath.strerror:
            return clean(beneath.strerror.lower())
        beneath = beneath.__cause__ or beneath.__context__
    words: dict[type[BaseException], str] = {
        httpx.ConnectTimeout: "timed out",
        httpx.PoolTimeout: "no connection was free in time",
        httpx.UnsupportedProtocol: "the address of the API is neither http nor https",
        httpx.ProxyError: "the proxy did not let it through",
    }
    return words.get(type(error), "the connection failed")
