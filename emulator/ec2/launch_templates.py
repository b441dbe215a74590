"""Launch templates as EC2 has them.

moto ignores SourceVersion and ClientToken of a new version, answers at most 15 versions and no token, cannot delete
versions, shows the tags of the template as part of its data and forgets tags that are added later.
"""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidLaunchTemplateIdNotFound,
    InvalidLaunchTemplateNameAlreadyExistsError,
    InvalidLaunchTemplateNameNotFoundWithNameError,
    InvalidParameterCombination,
    MissingParameterError,
)
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend, LaunchTemplateVersion
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

from ..completion import add, replace
from . import errors

LARGEST_PAGE = 200


# -- the templates -----------------------------------------------------------------------------------------------------


def _create_version(self: Any, data: dict[str, Any], description: str) -> LaunchTemplateVersion:
    self.highest_number = getattr(self, "highest_number", 0) + 1
    version = LaunchTemplateVersion(self, self.highest_number, data, description)
    self.versions.append(version)
    return version


def _get_version(self: Any, number: Any) -> LaunchTemplateVersion:
    wanted = {"$latest": self.versions[-1].number, "$default": self.default_version_number}.get(
        str(number).lower(), number
    )
    for version in self.versions:
        if str(version.number) == str(wanted):
            found: LaunchTemplateVersion = version
            return found
    raise errors.template_version_not_found(self.id, number)


def _default_version(self: Any) -> LaunchTemplateVersion:
    return _get_version(self, "$Default")


def _create_launch_template(
    self: Any,
    name: str,
    description: str,
    template_data: dict[str, Any],
    tag_spec: dict[str, dict[str, str]],
    template_id: str | None = None,
) -> Any:
    if name in self.launch_template_name_to_ids:
        raise InvalidLaunchTemplateNameAlreadyExistsError
    template: Any = LaunchTemplate(self, name, template_data, description, {})  # type: ignore[abstract]
    template.id = template_id or template.id
    template.add_tags(tag_spec.get("launch-template", {}))
    self.launch_templates[template.id] = template
    self.launch_template_name_to_ids[template.name] = template.id
    self.launch_template_insert_order.append(template.id)
    return template


# -- the answers -------------------------------------------------------------------------------------------------------


def _shown_template(response: LaunchTemplates, template: LaunchTemplate) -> dict[str, Any]:
    return {
        "CreateTime": template.create_time,
        "CreatedBy": f"arn:{response.partition}:iam::{response.current_account}:root",
        "DefaultVersionNumber": template.default_version_number,
        "LatestVersionNumber": template.latest_version_number,
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Tags": template.get_tags(),
    }


def _shown_version(response: LaunchTemplates, version: LaunchTemplateVersion) -> dict[str, Any]:
    template = version.template
    return {
        "CreateTime": version.create_time,
        "CreatedBy": f"arn:{response.partition}:iam::{response.current_account}:root",
        "DefaultVersion": template.is_default(version),
        "LaunchTemplateData": version.data,
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionDescription": version.description,
        "VersionNumber": version.number,
    }


def _requested_template(response: LaunchTemplates) -> Any:
    name, template_id = response._get_param("LaunchTemplateName"), response._get_param("LaunchTemplateId")
    if name and template_id:
        raise InvalidParameterCombination("Specify a launch template ID or a launch template name, not both.")
    backend = response.ec2_backend
    if template_id:
        if template_id not in backend.launch_templates:
            raise InvalidLaunchTemplateIdNotFound(template_id)
        return backend.launch_templates[template_id]
    if not name:
        raise MissingParameterError("launch template ID or launch template name")
    if name not in backend.launch_template_name_to_ids:
        raise InvalidLaunchTemplateNameNotFoundWithNameError(name)
    return backend.launch_templates[backend.launch_template_name_to_ids[name]]


def _requested_data(response: LaunchTemplates) -> dict[str, Any]:
    data = copy.deepcopy(response._get_param("LaunchTemplateData", {}))
    if data.get("UserData"):
        data["UserData"] = parse_user_data(data["UserData"])
    return dict(data)


def _versions_by_token(template: Any) -> dict[str, tuple[Any, LaunchTemplateVersion]]:
    """Return the request and the version of every client token."""
    if not hasattr(template, "versions_by_token"):
        template.versions_by_token = {}
    found: dict[str, tuple[Any, LaunchTemplateVersion]] = template.versions_by_token
    return found


def create_launch_template(self: LaunchTemplates) -> ActionResult:
    """Answer CreateLaunchTemplate."""
    tags = self._parse_tag_specification("launch-template")
    self.error_on_dryrun()
    template = self.ec2_backend.create_launch_template(
        self._get_param("LaunchTemplateName"), self._get_param("VersionDescription"), _requested_data(self), tags
    )
    return ActionResult({"LaunchTemplate": _shown_template(self, template)})


def create_launch_template_version(self: LaunchTemplates) -> ActionResult:
    """Answer CreateLaunchTemplateVersion; the keys given replace those of the source version, whole.

    The same request again, by its client token, makes nothing new.
    """
    template = _requested_template(self)
    source, description = self._get_param("SourceVersion"), self._get_param("VersionDescription")
    request = (source, description, _requested_data(self))
    token = self._get_param("ClientToken")
    made = _versions_by_token(template).get(token) if token else None
    if made is not None:
        if made[0] != request:
            raise errors.token_of_another_request()
        return ActionResult({"LaunchTemplateVersion": _shown_version(self, made[1])})
    inherited = copy.deepcopy(template.get_version(source).data) if source else {}
    for mapping in inherited.get("BlockDeviceMappings", []):
        # "Snapshots applied to the block device mapping are ignored unless explicitly included" [model, SourceVersion]
        mapping.get("Ebs", {}).pop("SnapshotId", None)
    self.error_on_dryrun()
    version = template.create_version({**inherited, **_requested_data(self)}, description)
    if token:
        _versions_by_token(template)[token] = (request, version)
    return ActionResult({"LaunchTemplateVersion": _shown_version(self, version)})


def _versions_of_all(response: LaunchTemplates, wanted: list[str]) -> list[LaunchTemplateVersion]:
    if not wanted or not set(wanted) <= {"$Latest", "$Default"}:
        raise EC2ClientError(
            "InvalidParameterValue",
            "To describe versions of all launch templates, specify $Latest, $Default or both for the versions.",
        )
    found: list[LaunchTemplateVersion] = []
    for template in response.ec2_backend.launch_templates.values():
        chosen = {version.number: version for version in map(template.get_version, wanted)}
        found += chosen.values()
    return found


def describe_launch_template_versions(self: LaunchTemplates) -> ActionResult:
    """Answer DescribeLaunchTemplateVersions, 200 a page at most."""
    wanted = self._get_param("Versions", [])
    if self._get_param("Filters", []):
        raise EC2ClientError(
            "InvalidParameterValue", "Filters of DescribeLaunchTemplateVersions are not emulated yet; ask without them."
        )
    self.error_on_dryrun()
    if not self._get_param("LaunchTemplateId") and not self._get_param("LaunchTemplateName"):
        versions = _versions_of_all(self, wanted)
    else:
        template = _requested_template(self)
        low = self._get_int_param("MinVersion", 0)
        high = self._get_int_param("MaxVersion", template.highest_number)
        versions = (
            [template.get_version(number) for number in wanted]
            if wanted
            else [version for version in reversed(template.versions) if low <= version.number <= high]
        )
    shown, token = _page(self, versions)
    return ActionResult(
        {"LaunchTemplateVersions": [_shown_version(self, version) for version in shown], "NextToken": token}
    )


def describe_launch_templates(self: LaunchTemplates) -> ActionResult:
    """Answer DescribeLaunchTemplates, 200 a page at most."""
    filters = self._filters_from_querystring()
    ids = self._get_param("LaunchTemplateIds", [])
    for template_id in ids:
        if template_id not in self.ec2_backend.launch_templates:
            raise InvalidLaunchTemplateIdNotFound(template_id)
    self.error_on_dryrun()
    templates = self.ec2_backend.describe_launch_templates(
        template_names=self._get_param("LaunchTemplateNames", []), template_ids=ids, filters=filters
    )
    shown, token = _page(self, templates)
    return ActionResult({"LaunchTemplates": [_shown_template(self, item) for item in shown], "NextToken": token})


def modify_launch_template(self: LaunchTemplates) -> ActionResult:
    """Answer ModifyLaunchTemplate."""
    template = _requested_template(self)
    number = self._get_param("DefaultVersion")
    self.error_on_dryrun()
    if number is not None:
        template.default_version_number = template.get_version(number).number
    return ActionResult({"LaunchTemplate": _shown_template(self, template)})


def delete_launch_template_versions(self: LaunchTemplates) -> ActionResult:
    """Answer DeleteLaunchTemplateVersions: each version by itself, never the default one."""
    template = _requested_template(self)
    self.error_on_dryrun()
    deleted, kept = [], []
    for wanted in self._get_param("Versions", []):
        item: dict[str, Any] = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
        try:
            version = template.get_version(wanted)
        except EC2ClientError as error:
            problem = {"Code": "launchTemplateVersionDoesNotExist", "Message": error.message}
            kept.append({**item, "VersionNumber": _number_or_none(wanted), "ResponseError": problem})
            continue
        item["VersionNumber"] = version.number
        if template.is_default(version):
            problem = {"Code": "unexpectedError", "Message": "You cannot delete the default launch template version."}
            kept.append({**item, "ResponseError": problem})
        else:
            template.versions.remove(version)
            deleted.append(item)
    return ActionResult(
        {"SuccessfullyDeletedLaunchTemplateVersions": deleted, "UnsuccessfullyDeletedLaunchTemplateVersions": kept}
    )


def _number_or_none(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _page(response: LaunchTemplates, items: list[Any]) -> tuple[list[Any], str | None]:
    size = response._get_int_param("MaxResults", LARGEST_PAGE)
    token = response._get_param("NextToken") or "0"
    if not 1 <= size <= LARGEST_PAGE:
        raise EC2ClientError("InvalidParameterValue", f"MaxResults must be between 1 and {LARGEST_PAGE}.")
    if not token.isdigit():
        raise EC2ClientError("InvalidNextToken", "The token is not valid.")
    begin = int(token)
    more = len(items) > begin + size
    return items[begin : begin + size], str(begin + size) if more else None


def install() -> None:
    """Patch moto's launch templates."""
    replace(LaunchTemplate, create_version=_create_version, get_version=_get_version, default_version=_default_version)
    replace(LaunchTemplateBackend, create_launch_template=_create_launch_template)
    replace(
        LaunchTemplates,
        create_launch_template=create_launch_template,
        create_launch_template_version=create_launch_template_version,
        describe_launch_template_versions=describe_launch_template_versions,
        describe_launch_templates=describe_launch_templates,
        modify_launch_template=modify_launch_template,
    )
    add(LaunchTemplates, delete_launch_template_versions=delete_launch_template_versions)
