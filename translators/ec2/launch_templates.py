"""Launch templates: made, changed, deleted, listed. Their versions are told of in ``launch_template_versions``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from backend import errors
from backend.domain import launch_findings
from backend.domain.profile import ServerSpec, Template
from backend.services.templates import NewVersion, TemplateRef, tag_key
from translators import arns, paging
from translators.ec2 import actions, launch_data, tag_words
from translators.errors import AWSError, translate
from translators.nouns import Asked, Members, Noun
from translators.registry import Call, Result, operation

_NAME: Final = re.compile(r"[a-zA-Z0-9().\-/_]{3,128}")
_BOUNDS: Final = actions.Bounds(1, 200, 200)
_OWN: Final = frozenset({"launch-template"})
_USER_NAME_LENGTH: Final = 200  # an ARN with it fits its column
_VERSION_GONE: Final = "launchTemplateVersionDoesNotExist"
_NO_DATA: Final = "No launch template data was provided. Launch template data is required to create a launch template."
_NOT_ALL: Final = "At least one of the launch templates specified in the request does not exist."
# Texts of this module: conformance/recorded, templates/... and moto's tests that are verified against AWS.


def _of_ids(call: Call, asked: Asked) -> Iterator[Template]:
    for each in asked.named["LaunchTemplateIds"]:
        with suppress(launch_findings.TemplateNotFound):
            yield call.backend.templates.find(call.scope, _by_id(each))


_MEMBERS: Final[Members[Template]] = {
    "LaunchTemplateId": lambda template: arns.template_id(template.id),
    "LaunchTemplateName": lambda template: template.name,
    "CreateTime": lambda template: template.created_at.replace(microsecond=0),
    "CreatedBy": lambda template: template.created_by,
    "DefaultVersionNumber": lambda template: template.default_version,
    "LatestVersionNumber": lambda template: template.latest_version,
    "Operator": {"Managed": False},
}
TEMPLATES: Final = Noun(
    answer="LaunchTemplates",
    items=_of_ids,
    members=_MEMBERS,
    order=lambda template: template.name,
    filters={"create-time": "CreateTime", "launch-template-name": "LaunchTemplateName"},
    namings=(actions.by_ids("LaunchTemplateIds", actions.TEMPLATE, lambda template: arns.template_id(template.id)),),
    tagging=tag_words.kept(lambda template: tag_key(template.id)),
    pages=actions.pages("", _BOUNDS),
)


@operation("ec2", "CreateLaunchTemplate")
def create(call: Call) -> Result:
    params = call.params
    name = params["LaunchTemplateName"]
    if not _NAME.fullmatch(name):
        raise AWSError(  # unsourced
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _.",
        )
    refuse_operator(params)
    tags = tag_words.specified(params.get("TagSpecifications"), _OWN).get("launch-template", {})
    document = launch_data.document(params.get("LaunchTemplateData") or {})
    token = actions.client_token(call)
    if not document:
        actions.check_dry_run(call)
        raise AWSError("MissingParameter", _NO_DATA)
    version = new_version(call, document)
    actions.check_dry_run(call)
    template = call.backend.templates.create(call.scope, name, version, tags=tags, token=token)
    return {"LaunchTemplate": TEMPLATES.shown(call, [template])[0]}


@operation("ec2", "ModifyLaunchTemplate")
def modify(call: Call) -> Result:
    if call.params.get("LaunchTemplateId") and call.params.get("LaunchTemplateName"):
        words = "Either provide launch template ID or launch template name to modify the template."
        raise AWSError("InvalidParameterCombination", words)
    version = call.params.get("DefaultVersion")
    ref = reference(call)
    if not version:
        template_id = arns.template_id(call.backend.templates.find(call.scope, ref).id)
        raise AWSError(
            "MissingParameter",
            "A launch template version must be specified to set the new default version for the template with ID"
            f" {template_id}.",
        )
    check_version(version)
    token = actions.client_token(call)
    actions.check_dry_run(call)
    try:
        changed = call.backend.templates.change_default(call.scope, ref, version, token=token)
    except launch_findings.TemplateVersionNotFound as found:
        raise AWSError(
            "InvalidLaunchTemplateId.VersionNotFound",
            f"The launch template version {found.version} is not found for the specified launch template.",
        ) from found
    return {"LaunchTemplate": TEMPLATES.view(changed)}  # modifying and deleting tell no tags


@operation("ec2", "DeleteLaunchTemplate")
def delete(call: Call) -> Result:
    ref = reference(call)
    actions.check_dry_run(call)
    return {"LaunchTemplate": TEMPLATES.view(call.backend.templates.delete(call.scope, ref))}


@operation("ec2", "DeleteLaunchTemplateVersions")
def delete_versions(call: Call) -> Result:
    ref = reference(call)
    versions = call.params["Versions"]
    for version in versions:
        if not _is_version(version):
            raise AWSError("InvalidParameterValue", f"Invalid value for version: {version}")
    actions.check_dry_run(call)
    deleted = call.backend.templates.delete_versions(call.scope, ref, versions)
    of_template = {
        "LaunchTemplateId": arns.template_id(deleted.template.id),
        "LaunchTemplateName": deleted.template.name,
    }
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": [{**of_template, "VersionNumber": each} for each in deleted.gone],
        "UnsuccessfullyDeletedLaunchTemplateVersions": [
            {
                **of_template,
                "VersionNumber": number,
                "ResponseError": {"Code": _VERSION_GONE, "Message": _words(reason)},
            }
            for number, reason in deleted.kept
        ],
    }


def _describe(call: Call) -> Result:
    params = call.params
    if params.get("MaxResults") is not None:
        actions.check_bounds(params["MaxResults"], _BOUNDS)
    if params.get("LaunchTemplateIds") or params.get("LaunchTemplateNames"):
        return TEMPLATES.told(call, _named(call))
    return _listed(call)


actions.describes("DescribeLaunchTemplates", TEMPLATES, _describe)


def reference(call: Call) -> TemplateRef:
    """The template a request names, by id or by name."""
    return reference_of(call.params)


def reference_of(params: Mapping[str, Any]) -> TemplateRef:
    """The template that ``LaunchTemplateId`` or ``LaunchTemplateName`` names.

    Raises:
        AWSError: neither, or both, or an id that cannot be one.
    """
    template_id, name = params.get("LaunchTemplateId"), params.get("LaunchTemplateName")
    if template_id and name:
        raise AWSError(  # unsourced
            "InvalidParameterCombination",
            "The parameters launchTemplateId and launchTemplateName cannot be used together.",
        )
    if template_id:
        actions.check_forms(actions.TEMPLATE, [template_id])
        short = arns.short_of(arns.TEMPLATE, template_id)
        if short is None:
            raise actions.not_found(actions.TEMPLATE, [template_id])
        return TemplateRef(id=short)
    if not name:
        raise AWSError(
            "MissingParameter",
            "Either a launch template ID or a launch template name must be specified in the request.",
        )
    return TemplateRef(name=name)


def check_version(version: str) -> None:
    """Refuse what cannot be a version."""
    if not _is_version(version):
        raise AWSError(
            "InvalidParameterValue",
            "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed.",
        )


def _is_version(version: str) -> bool:
    return version in {"$Latest", "$Default"} or (
        version.isascii() and version.isdecimal() and version.strip("0") != ""
    )


def refuse_operator(params: Mapping[str, Any]) -> None:
    """AWS's own services may manage a template for somebody; here nobody does."""
    if params.get("Operator"):
        # unsourced
        raise AWSError("UnsupportedOperation", "Resources managed by a service provider are not supported.")


def new_version(call: Call, document: Mapping[str, Any]) -> NewVersion:
    """A version of these words, checked."""
    launch_data.check_template(document)
    spec: ServerSpec = launch_data.spec_of(document, zone_names(call, document), of_template=True)
    return NewVersion(spec, document, created_by(call), call.params.get("VersionDescription"))


def zone_names(call: Call, data: Mapping[str, Any]) -> Mapping[str, str]:
    """Zone id -> zone name, where the description has a zone's id; the cloud is not asked otherwise."""
    if not (data.get("Placement") or {}).get("AvailabilityZoneId"):
        return {}
    return {zone.zone_id: zone.name for zone in call.backend.catalog.zones(call.scope)}


def created_by(call: Call) -> str:
    return arns.user(call.account_id, call.caller.user_name[:_USER_NAME_LENGTH])


def _words(reason: errors.Finding) -> str:
    told = translate(reason, "ec2")
    return "" if told is None else told.message


def _named(call: Call) -> list[Template]:
    found: dict[str, Template] = {}
    ids, names = call.params.get("LaunchTemplateIds") or (), call.params.get("LaunchTemplateNames") or ()
    actions.check_forms(actions.TEMPLATE, ids)
    for ref in (*map(_by_id, ids), *(TemplateRef(name=name) for name in names)):
        try:
            template = call.backend.templates.find(call.scope, ref)
        except launch_findings.TemplateNotFound as gone:
            told = translate(gone, "ec2")
            raise AWSError("" if told is None else told.code, _NOT_ALL) from gone
        found[template.name] = template
    return list(found.values())


def _by_id(template_id: str) -> TemplateRef:
    # An old id of 8 digits names nothing here, and is told so.
    return TemplateRef(id=arns.short_of(arns.TEMPLATE, template_id) or template_id)


def _listed(call: Call) -> Result:
    """A page of all templates; pages of the store are read until enough of them match."""
    limit: int = call.params.get("MaxResults") or _BOUNDS.default or 0
    mark = paging.binding(call)
    token = call.params.get("NextToken")
    after: str | None = paging.decode(token, call.operation, mark, "ec2") if token else None
    found: list[Template] = []
    while True:
        page = call.backend.templates.page(call.scope, after=after, limit=limit)
        found += TEMPLATES.matching(call, page.items)[0]
        if len(found) > limit or (len(found) == limit and page.marker):
            here = TEMPLATES.shown(call, found[:limit])
            return {
                "LaunchTemplates": here,
                "NextToken": paging.encode(call.operation, found[limit - 1].name, mark),
            }
        if page.marker is None:
            return {"LaunchTemplates": TEMPLATES.shown(call, found)}
        after = page.marker
