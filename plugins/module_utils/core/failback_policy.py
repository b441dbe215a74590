# Copyright (c) 2026, The disaster_recovery.aws maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says about the way home (option C(failback))."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .errors import Problems
from .failback_words import Kind
from .fields import Fields

LONGEST_STALL = 7 * 86400
"""Seconds that a replication may make no progress before a person is asked."""

MOST_BANDWIDTH = 1_000_000
"""Megabits a second that a throttled replication may take; more than any network of EC2 has."""

FAILBACK_FIELDS = ("order", "approval", "original_instance", "stall", "replication")
REPLICATION_FIELDS = ("bandwidth_throttling", "use_private_ip", "internet_protocol")


class Order(StrEnum):
    """In which order the waves go home."""

    DECLARED = "declared"
    REVERSED = "reversed"


class OriginalInstance(StrEnum):
    """What becomes of the instance that a server was before its failover."""

    KEEP = "keep"
    LAUNCH_INTO = "launch_into"
    REPLACE = "replace"
    TERMINATE = "terminate"

    @property
    def gives_its_address(self) -> bool:
        """Whether the address that it had is free for what is launched on the way home."""
        return self in (OriginalInstance.LAUNCH_INTO, OriginalInstance.REPLACE)


class InternetProtocol(StrEnum):
    """Protocol of a failback client's replication (C(InternetProtocol) of DRS)."""

    IPV4 = "IPV4"
    IPV6 = "IPV6"


@dataclass(frozen=True, slots=True)
class FailbackReplication:
    """How the data of a server goes back to a failback client (UpdateFailbackReplicationConfiguration).

    Attributes:
        bandwidth_throttling: Megabits a second; 0 does not throttle.
        use_private_ip: Whether the client is reached over private addresses (VPN, Direct Connect).
        internet_protocol: Protocol of the replication.
    """

    bandwidth_throttling: int = 0
    use_private_ip: bool = False
    internet_protocol: InternetProtocol = InternetProtocol.IPV4

    def to_document(self) -> dict[str, Any]:
        """Return it as a plain dict, every default written out."""
        return {
            "bandwidth_throttling": self.bandwidth_throttling,
            "use_private_ip": self.use_private_ip,
            "internet_protocol": self.internet_protocol.value,
        }


@dataclass(frozen=True, slots=True)
class FailbackPolicy:
    """How the servers of a plan go home.

    Attributes:
        order: Whether the waves have the order of a failover, or the reverse: a wave then begins after those that wait
            for it in a failover.
        approval: Whether a person lets the waves begin; a drill asks for none.
        original_instance: What becomes of the instance that a server was before its failover.
        stall: Seconds without progress of a replication until a person is asked.
        replication: Of servers that go back through a failback client.
    """

    order: Order = Order.DECLARED
    approval: bool = True
    original_instance: OriginalInstance = OriginalInstance.KEEP
    stall: int = 3600
    replication: FailbackReplication = FailbackReplication()

    def original_of(self, kind: str) -> OriginalInstance:
        """Return what becomes of the original of a server that goes home in this way (a value of L(Kind)).

        An extended server is launched into it whatever the plan says: DRS protects it again on that machine only.
        """
        return OriginalInstance.LAUNCH_INTO if kind == Kind.EXTENDED else self.original_instance

    def to_document(self) -> dict[str, Any]:
        """Return the policy as a plain dict that L(parse_failback) reads, every default written out."""
        return {
            "order": self.order.value,
            "approval": self.approval,
            "original_instance": self.original_instance.value,
            "stall": self.stall,
            "replication": self.replication.to_document(),
        }


DEFAULT_FAILBACK = FailbackPolicy()


def parse_failback(raw: Any, where: str, problems: Problems) -> FailbackPolicy:
    """Read the option; None is the default, so that plans which were published without it stay readable.

    Args:
        raw: What was declared.
        where: Where it was declared, for messages.
        problems: Collects what is wrong.
    """
    fields = Fields({} if raw is None else raw, where, problems, FAILBACK_FIELDS)
    default = DEFAULT_FAILBACK
    original = [str(choice) for choice in OriginalInstance]
    return FailbackPolicy(
        order=Order(fields.choice("order", [str(order) for order in Order], default.order)),
        approval=fields.boolean("approval", default.approval),
        original_instance=OriginalInstance(fields.choice("original_instance", original, default.original_instance)),
        stall=fields.integer("stall", default.stall, minimum=60, maximum=LONGEST_STALL),
        replication=_read_replication(fields.value("replication"), fields.at("replication"), problems),
    )


def _read_replication(raw: Any, where: str, problems: Problems) -> FailbackReplication:
    fields = Fields({} if raw is None else raw, where, problems, REPLICATION_FIELDS)
    default = FailbackReplication()
    protocols = [str(protocol) for protocol in InternetProtocol]
    return FailbackReplication(
        bandwidth_throttling=fields.integer(
            "bandwidth_throttling", default.bandwidth_throttling, minimum=0, maximum=MOST_BANDWIDTH
        ),
        use_private_ip=fields.boolean("use_private_ip", default.use_private_ip),
        internet_protocol=InternetProtocol(fields.choice("internet_protocol", protocols, default.internet_protocol)),
    )
