"""Modules of amazon.aws work against the emulator: what users of the collection combine it with, in one playbook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.drs.support import RECOVERY_DB, TARGET, Drs
from tests.support.playbook import run_playbook

pytestmark = pytest.mark.xdist_group("conformance")

PLAYBOOK = Path(__file__).parent / "playbooks" / "amazon_aws.yml"


def test_modules_of_amazon_aws_see_and_change_what_a_drill_made(drs: Drs) -> None:
    """Facts 3.3 (the template and its tags) and 5.2 (the recovery instance is an EC2 instance)."""
    server = "s-crmdb100000000001"
    drs.launch_into(server, RECOVERY_DB)
    drs.recover(server, isDrill=True)
    expected = {"server": server, "template": drs.template(server), "subnet": RECOVERY_DB, "account": TARGET}
    outcome = run_playbook(PLAYBOOK, inventory="localhost,", variables=expected, environment=drs.aws.environment())
    assert outcome.recap()["failed"] == 0
    assert drs.recovery_instance_of(server)["ec2InstanceState"] == "STOPPED"
    evidence = drs.aws.client("s3").get_object(Bucket="evidence-of-drills", Key="drill.json")["Body"].read().decode()
    assert evidence == drs.recovery_instance_of(server)["ec2InstanceID"]
