"""Instance profiles, with the one role that each may have."""

from __future__ import annotations

from translators.iam import listing
from translators.iam.roles import found
from translators.iam.words import path_of, profile_told
from translators.registry import Call, Result, operation


@operation("iam", "CreateInstanceProfile")
def create_instance_profile(call: Call) -> Result:
    made = call.backend.instance_profiles.create(
        call.scope, call.params["InstanceProfileName"], path_of(call), listing.tags_of(call)
    )
    return {"InstanceProfile": profile_told(call, made, None, tagged=True)}


@operation("iam", "GetInstanceProfile")
def get_instance_profile(call: Call) -> Result:
    profile, role = call.backend.instance_profiles.find(call.scope, call.params["InstanceProfileName"])
    return {"InstanceProfile": profile_told(call, profile, role, tagged=True)}


@operation("iam", "ListInstanceProfiles")
def list_instance_profiles(call: Call) -> Result:
    prefix = call.params.get("PathPrefix")
    profiles = call.backend.instance_profiles.list(call.scope)
    told = [profile_told(call, *each) for each in profiles if listing.within(prefix, each[0].path)]
    return listing.page(call, "InstanceProfiles", told, lambda each: str(each["InstanceProfileName"]))


@operation("iam", "ListInstanceProfilesForRole")
def list_instance_profiles_for_role(call: Call) -> Result:
    role = found(call, call.params["RoleName"])
    profiles = call.backend.instance_profiles.list(call.scope)
    told = [profile_told(call, profile, has) for profile, has in profiles if has is not None and has.id == role.id]
    return listing.page(call, "InstanceProfiles", told, lambda each: str(each["InstanceProfileName"]))


@operation("iam", "AddRoleToInstanceProfile")
def add_role(call: Call) -> Result:
    call.backend.instance_profiles.add_role(call.scope, call.params["InstanceProfileName"], call.params["RoleName"])
    return {}


@operation("iam", "RemoveRoleFromInstanceProfile")
def remove_role(call: Call) -> Result:
    call.backend.instance_profiles.remove_role(call.scope, call.params["InstanceProfileName"], call.params["RoleName"])
    return {}


@operation("iam", "DeleteInstanceProfile")
def delete_instance_profile(call: Call) -> Result:
    call.backend.instance_profiles.delete(call.scope, call.params["InstanceProfileName"])
    return {}


@operation("iam", "TagInstanceProfile")
def tag_instance_profile(call: Call) -> Result:
    call.backend.instance_profiles.retag(call.scope, call.params["InstanceProfileName"], listing.tags_of(call))
    return {}


@operation("iam", "UntagInstanceProfile")
def untag_instance_profile(call: Call) -> Result:
    name = call.params["InstanceProfileName"]
    call.backend.instance_profiles.retag(call.scope, name, {}, call.params["TagKeys"])
    return {}


@operation("iam", "ListInstanceProfileTags")
def list_instance_profile_tags(call: Call) -> Result:
    profile, _ = call.backend.instance_profiles.find(call.scope, call.params["InstanceProfileName"])
    return listing.whole(call, "Tags", listing.tags_told(profile.tags))
