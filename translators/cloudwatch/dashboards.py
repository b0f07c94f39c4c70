"""Dashboards: kept and told as they were given; Coppice draws none.

Source: Amazon CloudWatch API Reference, PutDashboard; conformance/recorded.
"""

from __future__ import annotations

import json
import re
from typing import Final

from backend.domain.dashboards import Dashboard
from translators import paging
from translators.cloudwatch.errors import invalid
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
MOST_BYTES: Final = 256 * 1024
MOST_WIDGETS: Final = 500
_PAGE: Final = 100


def arn_of(call: Call, name: str) -> str:
    """The ARN of a dashboard, which is of no region."""
    return f"arn:aws:cloudwatch::{call.account_id}:dashboard/{name}"


@operation("cloudwatch", "PutDashboard")
def put(call: Call) -> Result:
    params = call.params
    tags = {each["Key"]: each["Value"] for each in params.get("Tags") or ()}
    call.backend.dashboards.put(call.scope, _name(params["DashboardName"]), _body(params["DashboardBody"]), tags)
    return {"DashboardValidationMessages": []}


@operation("cloudwatch", "GetDashboard")
def get(call: Call) -> Result:
    found = call.backend.dashboards.get(call.scope, call.params["DashboardName"])
    return {"DashboardArn": arn_of(call, found.name), "DashboardBody": found.body, "DashboardName": found.name}


@operation("cloudwatch", "ListDashboards")
def list_dashboards(call: Call) -> Result:
    found = call.backend.dashboards.list(call.scope, call.params.get("DashboardNamePrefix") or "")
    if token := call.params.get("NextToken"):
        after = paging.decode(token, call.operation, paging.binding(call), "cloudwatch")
        found = [each for each in found if each.name > after]
    page, more = found[:_PAGE], {}
    if len(found) > _PAGE:
        more["NextToken"] = paging.encode(call.operation, page[-1].name, paging.binding(call))
    return {"DashboardEntries": [_told(call, each) for each in page], **more}


def _told(call: Call, dashboard: Dashboard) -> Result:
    return {
        "DashboardName": dashboard.name,
        "DashboardArn": arn_of(call, dashboard.name),
        "LastModified": dashboard.changed_at,
        "Size": dashboard.size,
    }


@operation("cloudwatch", "DeleteDashboards")
def delete(call: Call) -> Result:
    call.backend.dashboards.delete(call.scope, call.params["DashboardNames"])
    return {}


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise invalid(
            "The value for field DashboardName contains invalid characters."
            " It can only contain alphanumerics, dash (-) and underscore (_).\n"
        )
    return text


def _body(text: str) -> str:
    """A JSON object with widgets, if any, in a list. Raises AWSError."""
    if len(text.encode()) > MOST_BYTES:
        raise _refused(f"The field DashboardBody must not be longer than {MOST_BYTES} bytes")
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _refused("The field DashboardBody must be a valid JSON object")
    widgets = read.get("widgets", [])
    if not isinstance(widgets, list) or not all(isinstance(each, dict) for each in widgets):
        raise _refused("Should be array of objects", "/widgets")
    if len(widgets) > MOST_WIDGETS:
        raise _refused(f"Should NOT have more than {MOST_WIDGETS} items", "/widgets")
    return text


def _refused(words: str, path: str = "") -> AWSError:
    told = json.dumps([{"dataPath": path, "message": words}], indent=2)
    return AWSError("InvalidParameterInput", f"The dashboard body is invalid, there are 1 validation errors:\n{told}")
