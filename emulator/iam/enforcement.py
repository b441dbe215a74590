"""Enforcement: who is checked, and what a call must be allowed.

The callers whose policies are checked are the sessions of roles, everybody, or nobody, by the estate's `iam.enforce`
and the control API. What a call needs is recorded in any case.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from emulator.apicall import ApiCall
from emulator.auth import Principal
from emulator.clock import CLOCK
from emulator.iam import services
from emulator.iam.context import Context, Tags, Values
from emulator.iam.denials import Denial
from emulator.iam.identities import Identity, identity_of
from emulator.iam.modes import ALL, NONE, ROLES
from emulator.iam.policies import Decision
from emulator.iam.request import Need, Request
from emulator.iam.tags import tags_of_resource
from emulator.iam.trust import Trust, trust_in_caller
from emulator.iam.usage import ALLOWED, DENIED, UNCHECKED, Usage
from emulator.kept import keep

_SESSION_KEYS = {
    "sts:externalid": "ExternalId",
    "sts:rolesessionname": "RoleSessionName",
    "sts:sourceidentity": "SourceIdentity",
}


@dataclass(frozen=True)
class Authorization:
    """What a call needed and what came of it, up to the first permission that is missing."""

    uses: tuple[tuple[Need, str], ...]
    denial: Denial | None = None


class _Acting(threading.local):
    """For whom this thread works: the caller of the request, or the one whose permissions a service uses."""

    principal: Principal | None = None


class Enforcement:
    """The state of enforcement in this process."""

    def __init__(self) -> None:
        self.mode = ROLES
        self.usage = Usage()
        self._acting = _Acting()

    @contextmanager
    def acting_for(self, principal: Principal | None) -> Iterator[None]:
        """Work for somebody in this context."""
        before = self._acting.principal
        self._acting.principal = principal
        try:
            yield
        finally:
            self._acting.principal = before

    @property
    def principal(self) -> Principal | None:
        """For whom this thread works; None for nobody, as a service by its own rights."""
        return self._acting.principal

    def checks(self, principal: Principal) -> bool:
        """Tell whether the policies of a caller are checked."""
        return self.mode == ALL or (self.mode == ROLES and principal.role_arn is not None)

    def authorize(self, call: ApiCall, principal: Principal, environ: Mapping[str, Any]) -> Authorization:
        """Decide whether AWS lets a caller make a call, and record what it takes."""
        request = Request(call, principal.account, environ)
        needs = services.needs(call, request)
        if call.service == "sts" and call.operation == "AssumeRole" and self.mode != NONE:
            return self._assume_role(request, needs[0], principal)
        return self._decide(needs, principal, identity_of(principal), call.region)

    def require(self, needs: Iterable[Need], principal: Principal, region: str) -> Denial | None:
        """Return why a service may not do something with its caller's permissions, None when it may; record it."""
        return self._decide(needs, principal, identity_of(principal), region).denial

    def _decide(
        self,
        needs: Iterable[Need],
        principal: Principal,
        identity: Identity,
        region: str,
        enough: tuple[Decision, ...] = (Decision.ALLOWED,),
    ) -> Authorization:
        checked = self.checks(principal)
        if checked and identity.unreadable:
            self.usage.note(f"{identity.arn}: {identity.unreadable}")
        uses: list[tuple[Need, str]] = []
        for need in needs:
            decision = self._decision(need, identity, region) if checked else Decision.ALLOWED
            if decision not in enough:
                denial = Denial(need, principal.arn, explicit=decision is Decision.DENIED)
                return self._recorded(identity, [*uses, (need, DENIED)], denial)
            uses.append((need, ALLOWED if checked else UNCHECKED))
        return self._recorded(identity, uses)

    def _recorded(
        self, identity: Identity, uses: list[tuple[Need, str]], denial: Denial | None = None
    ) -> Authorization:
        for need, result in uses:
            self.usage.add(identity.arn, need, result)
        return Authorization(tuple(uses), denial)

    def _decision(self, need: Need, identity: Identity, region: str) -> Decision:
        context = _context(need, identity, region)
        return identity.policies.decide(need.action, need.resource, context, self.usage.note)

    def assume(self, role_arn: str, principal: Principal, region: str) -> Denial | None:
        """Return why somebody may not assume a role, None when it may; record it."""
        if self.mode == NONE:
            return None
        return self._assume([Need("sts:AssumeRole", role_arn)], principal, region).denial

    def _assume_role(self, request: Request, need: Need, principal: Principal) -> Authorization:
        form, tags = request.form, request.form_tags()
        keys = {key: (form[name],) for key, name in _SESSION_KEYS.items() if name in form}
        actions = [need.action]
        if tags:
            actions.append("sts:TagSession")
        if "SourceIdentity" in form:
            actions.append("sts:SetSourceIdentity")
        return self._assume([Need(action, need.resource, keys, tags) for action in actions], principal, request.region)

    def _assume(self, needs: list[Need], principal: Principal, region: str) -> Authorization:
        """Decide AssumeRole, which takes both sides: the role's trust, and the caller's policies.

        Inside an account, a trust policy that names the caller itself is enough, unless the caller's policies deny it.
        """
        identity, arn = identity_of(principal), needs[0].resource or ""
        actions = [need.action for need in needs]
        trust = trust_in_caller(arn, actions, identity, principal, _context(needs[0], identity, region))
        if trust is Trust.NONE:
            denial = Denial(needs[0], principal.arn, explicit=False, trust=True)
            return self._recorded(identity, [(needs[0], DENIED)], denial)
        enough: tuple[Decision, ...] = (Decision.ALLOWED,)
        if trust is Trust.DIRECT and arn.split(":")[4] == identity.account:
            enough = (Decision.ALLOWED, Decision.NOT_ALLOWED)
        return self._decide(needs, principal, identity, region, enough)


def _context(need: Need, identity: Identity, region: str) -> Context:
    now = CLOCK.now()
    keys: dict[str, Values] = {
        **identity.keys,
        "aws:requestedregion": (region,),
        "aws:securetransport": ("true",),
        "aws:viaawsservice": ("true" if need.via else "false",),
        "aws:currenttime": (now.isoformat(),),
        "aws:epochtime": (str(int(now.timestamp())),),
        **need.keys,
    }
    if need.via:
        keys |= dict.fromkeys(("aws:calledvia", "aws:calledviafirst", "aws:calledvialast"), (need.via,))
    account = need.resource.split(":")[4:5] if need.resource else []
    if account and account[0]:
        keys["aws:resourceaccount"] = (account[0],)
    return Context(keys, lambda: _resource_tags(need), need.tags, identity.tags)


def _resource_tags(need: Need) -> Tags | None:
    return need.resource_tags if need.resource_tags is not None else tags_of_resource(need.resource)


ENFORCEMENT = Enforcement()
keep("iam", ENFORCEMENT, ("mode",), forgotten=("usage", "_acting"))
