"""A bare Flask view: what gunicorn and Flask alone cost, the yardstick of the gateway."""

from __future__ import annotations

from flask import Flask, Response

application = Flask("bare")


@application.post("/")
def answer() -> Response:
    return Response("<ok/>", content_type="text/xml")


@application.get("/healthz")
def healthz() -> Response:
    return Response("ok\n")
