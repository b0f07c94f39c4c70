"""The HTTP application: a route for all of AWS, three for the operator, one for receivers. Only this knows flask."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import flask
from flask import Flask, Response
from werkzeug.exceptions import ClientDisconnected, HTTPException

from gateway import request_log
from gateway.documents import plain_error
from gateway.limits import Limits
from gateway.pipeline import Pipeline
from gateway.receivers import PREFIX, Receivers
from gateway.request import LATER, MAY_WAIT, WAITED, Request

Readiness = Callable[[], str | None]
MetricsText = Callable[[], str]

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_HERE: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1", ""})
_CHUNK: Final = 64 * 1024
_log = logging.getLogger(__name__)


def create_app(
    pipeline: Pipeline,
    readiness: Readiness,
    metrics: MetricsText | None = None,
    *,
    operator_bind: str = "",
    receivers: Receivers | None = None,
) -> Flask:
    """The WSGI application.

    Args:
        pipeline: answers every AWS request.
        readiness: None where requests can be served, else the reason why not.
        metrics: all metrics in Prometheus's text format; by default those of the process.
        receivers: answers messages of alarms of others; None: there are no such addresses.
        operator_bind: address and port at which the operator asks; empty: on this machine.

    Returns:
        An application with ``/healthz`` (the process lives) and ``/readyz`` (200 or 503), without authentication. The
        operator alone is told ``/metrics`` and the reason of a 503: they name projects. All else is an AWS request.
    """
    app = Flask("coppice", static_folder=None)
    # A redirect would be HTML, and would break signatures.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    limits = pipeline.limits
    told = metrics or request_log.metrics_text

    def aws(path: str = "") -> Response:
        del path  # the raw one is what was signed
        answered = pipeline.answer(_request(flask.request.environ, limits))
        if answered.later is not None:
            flask.request.environ[LATER] = answered.later
        response = Response(answered.body, answered.status, answered.headers)
        if "Content-Type" not in answered.headers:
            del response.headers["Content-Type"]  # flask's own
        return response

    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    def readyz() -> Response:
        reason = readiness()
        text, status = ("ok", 200) if reason is None else (reason, 503)
        if status != 200 and not from_operator(flask.request.environ, operator_bind):
            text = "not ready"
        return Response(f"{text}\n", status, mimetype="text/plain")

    def metrics_page() -> Response:
        if not from_operator(flask.request.environ, operator_bind):
            return aws()
        return Response(told(), content_type="text/plain; version=0.0.4; charset=utf-8")

    def receive(token: str) -> Response:
        del token  # as it was sent, it is in the request
        if receivers is None:
            return aws()
        answered = receivers.answer(_request(flask.request.environ, limits))
        return Response(answered.body, answered.status, answered.headers)

    app.add_url_rule(f"{PREFIX}<path:token>", "receive", receive, methods=["POST"], provide_automatic_options=False)
    for path, endpoint, view in (
        ("/healthz", "healthz", healthz),
        ("/readyz", "readyz", readyz),
        ("/metrics", "metrics", metrics_page),
    ):
        app.add_url_rule(path, endpoint, view, methods=["GET"], provide_automatic_options=False)
    app.add_url_rule("/", "aws", aws, methods=_METHODS, provide_automatic_options=False)
    app.add_url_rule("/<path:path>", "aws", aws, methods=_METHODS, provide_automatic_options=False)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _fault)
    return app


def from_operator(environ: Mapping[str, Any], bind: str) -> bool:
    """Whether the operator asks: at the address of their own, or on this machine and through no proxy."""
    if bind:
        host, _, port = bind.rpartition(":")
        return str(environ.get("SERVER_PORT")) == port and environ.get("SERVER_NAME") == host.strip("[]")
    forwarded = any(name in environ for name in ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_VIA"))
    return not forwarded and str(environ.get("REMOTE_ADDR", "")) in _HERE


def _request(environ: Mapping[str, Any], limits: Limits) -> Request:
    """The request of a WSGI environment, its path as it was sent: that is what was signed."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    path = _path(raw) if raw else quote(environ.get("PATH_INFO", "/").encode("latin-1"))
    headers = {
        name[5:].replace("_", "-").lower(): _text(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = _text(environ[name])
    query = _text(environ.get("QUERY_STRING", ""))
    scheme = environ.get("wsgi.url_scheme", "http")
    return Request(
        environ["REQUEST_METHOD"],
        path,
        query,
        headers,
        _body(environ, limits),
        scheme,
        bool(environ.get(MAY_WAIT)),
        environ.get(WAITED, 0.0),
        _peer(environ),
    )


def _peer(environ: Mapping[str, Any]) -> str:
    """The address of who asks; what others say of it is believed of a proxy on this machine alone."""
    address = str(environ.get("REMOTE_ADDR", ""))
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
    return forwarded.rpartition(",")[2].strip() if forwarded and address in _HERE else address


def _path(uri: str) -> str:
    if not uri.startswith("/"):
        # The absolute form, as sent to a proxy.
        _, _, rest = uri.partition("://")
        uri = "/" + rest.partition("/")[2]
    return _text(uri.partition("?")[0])


def _text(value: str) -> str:
    """WSGI hands bytes over as latin-1; clients sign UTF-8."""
    return value if value.isascii() else value.encode("latin-1").decode("utf-8", "surrogateescape")


def _body(environ: Mapping[str, Any], limits: Limits) -> bytes:
    """The body, one byte more than the limit of one that is too long; the rest of that is read and thrown away."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal():
        expected = int(length)
    elif environ.get("wsgi.input_terminated"):
        expected = limits.discard_bytes
    else:
        return b""
    stream = environ["wsgi.input"]
    try:
        body: bytes = stream.read(min(expected, limits.longest_body_bytes + 1))
        if len(body) > limits.longest_body_bytes:
            left = min(expected, limits.discard_bytes) - len(body)
            while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
                left -= len(chunk)
    except OSError:
        raise ClientDisconnected from None
    return body


def _http_error(error: HTTPException) -> Response:
    """What flask or werkzeug refuses, as an AWS document."""
    status = error.code or 500
    _, body = plain_error(status, error.name)
    return Response(body, status, content_type="text/xml")


def _fault(error: Exception) -> Response:
    """A fault outside the pipeline."""
    _log.error("a request failed outside the pipeline", exc_info=error)
    _, body = plain_error(500, "An internal error has occurred.")
    return Response(body, 500, content_type="text/xml")
