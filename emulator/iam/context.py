"""The condition keys of one request for one action on one resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Values = tuple[str, ...]
Tags = Mapping[str, str]

_RESOURCE_TAG = ("aws:resourcetag/", "ec2:resourcetag/", "iam:resourcetag/", "ssm:resourcetag/")
_REQUEST_TAG = "aws:requesttag/"
_PRINCIPAL_TAG = "aws:principaltag/"

# Keys that the emulator knows, and that a request need not have.
KNOWN_KEYS = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:currenttime",
        "aws:epochtime",
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:tagkeys",
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
        "drs:createaction",
        "drs:ec2instancearn",
        "ec2:createaction",
        "iam:awsservicename",
        "iam:passedtoservice",
        "iam:policyarn",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
    }
)


class NotUnderstoodError(Exception):
    """A condition that the emulator cannot decide: an operator, key or tag that it does not know."""


class Context:
    """Condition keys; their names are not case-sensitive.

    Args:
        keys: values by name in lower case.
        resource_tags: returns the tags of the resource, None when the emulator does not know them.
        request_tags: tags in the request, None when the request can have none.
        principal_tags: tags of the role or user.
    """

    def __init__(
        self,
        keys: Mapping[str, Values],
        resource_tags: Callable[[], Tags | None] = lambda: None,
        request_tags: Tags | None = None,
        principal_tags: Tags | None = None,
    ):
        self._keys = keys
        self._resource_tags = resource_tags
        self._request_tags = request_tags or {}
        self._principal_tags = principal_tags or {}

    def values(self, key: str) -> Values | None:
        """Return the values of a key, None when this request does not have it.

        Raises:
            NotUnderstoodError: the emulator does not know the key, or not for this resource.
        """
        name = key.lower()
        found = self._keys.get(name)
        if found is not None:
            return found
        if name == "aws:tagkeys":
            return tuple(self._request_tags) or None
        if name.startswith(_REQUEST_TAG):
            return _tag(self._request_tags, name.removeprefix(_REQUEST_TAG))
        if name.startswith(_PRINCIPAL_TAG):
            return _tag(self._principal_tags, name.removeprefix(_PRINCIPAL_TAG))
        for prefix in _RESOURCE_TAG:
            if name.startswith(prefix):
                tags = self._resource_tags()
                if tags is None:
                    raise NotUnderstoodError(f"the tags of this kind of resource are not known ({key})")
                return _tag(tags, name.removeprefix(prefix))
        if name not in KNOWN_KEYS:
            raise NotUnderstoodError(f"condition key {key} is not emulated")
        return None

    def value(self, key: str) -> str | None:
        """Return the value of a key that has exactly one, for policy variables."""
        values = self.values(key)
        return values[0] if values is not None and len(values) == 1 else None


def _tag(tags: Tags, wanted: str) -> Values | None:
    for key, value in tags.items():
        if key.lower() == wanted:
            return (value,)
    return None
