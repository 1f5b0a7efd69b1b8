"""Changes of projects: JSON patches, and the defaults of new flags."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request, not_understood
from opsctl.flagservice.json_patch import apply_member_merge, apply_operations
from opsctl.flagservice.model import FlagDefaults
from opsctl.flagservice.reading import member, texts
from opsctl.flagservice.rest.project_representation import defaults_representation, project_representation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.flagservice.model import Project

_MEMBERS = frozenset({"name", "tags", "includeInSnippetByDefault", "defaultClientSideAvailability"})
_DEFAULTS_MEMBERS = frozenset({"tags", "temporary", "booleanDefaults", "defaultClientSideAvailability"})
_BOOLEAN_INDEXES = frozenset({0, 1})


def plan_project_patch(operations: Any) -> Callable[[Project], Project]:
    """Return what the operations make of a project; its tags are put in alphabetical order.

    The plan raises `ApiError`: 409 when a `test` fails, 422 when it is no list of operations, 400 otherwise.
    """

    def plan(project: Project) -> Project:
        document = project_representation(project, is_expanded=False)
        patched = apply_operations(document, operations, lambda parts: parts[0] in _MEMBERS)
        name = member(patched, "name", str)
        if not name.strip():
            raise invalid_request("name must not be empty")
        if patched["includeInSnippetByDefault"] != project.using_environment_id:
            snippet = member(patched, "includeInSnippetByDefault", bool)
            patched["defaultClientSideAvailability"] |= {"usingEnvironmentId": snippet}
        changed = replace(project, name=name, tags=tuple(sorted(texts(patched, "tags", []))))
        return _with_availability(changed, patched)

    return plan


def plan_new_defaults(body: Mapping[str, Any]) -> Callable[[Project], Project]:
    """Return what a body of new defaults makes of a project; every member has to be there.

    Raises:
        ApiError: 400.
    """
    names = member(body, "booleanDefaults", dict)
    defaults = FlagDefaults(
        tags=texts(body, "tags"),
        temporary=member(body, "temporary", bool),
        true_display_name=member(names, "trueDisplayName", str),
        false_display_name=member(names, "falseDisplayName", str),
        true_description=member(names, "trueDescription", str),
        false_description=member(names, "falseDescription", str),
        on_variation=member(names, "onVariation", int),
        off_variation=member(names, "offVariation", int),
    )
    if not {defaults.on_variation, defaults.off_variation} <= _BOOLEAN_INDEXES:
        raise invalid_request("onVariation and offVariation must be 0 or 1")
    return lambda project: _with_availability(replace(project, flag_defaults=defaults), body)


def plan_defaults_patch(body: Any) -> Callable[[Project], Project]:
    """Return what a JSON patch (an array) or a merge patch (an object) of the defaults makes of a project.

    The plan raises `ApiError`: 409 when a `test` fails, 400 otherwise.

    Raises:
        ApiError: 422, it is neither.
    """
    if not isinstance(body, (list, dict)):
        raise not_understood("a patch is an array of operations, or an object")

    def plan(project: Project) -> Project:
        document = defaults_representation(project, project.flag_defaults or FlagDefaults())
        if isinstance(body, list):
            patched = apply_operations(document, body, lambda parts: parts[0] in _DEFAULTS_MEMBERS)
        else:
            patched = apply_member_merge(document, body, _DEFAULTS_MEMBERS)
        return plan_new_defaults(patched)(project)

    return plan


def _with_availability(project: Project, document: Mapping[str, Any]) -> Project:
    given = member(document, "defaultClientSideAvailability", dict)
    return replace(
        project,
        using_environment_id=member(given, "usingEnvironmentId", bool),
        using_mobile_key=member(given, "usingMobileKey", bool),
    )
