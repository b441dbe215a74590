"""What the role accounts makes in an account, rendered from its variables."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

VARIABLES = Path(__file__).resolve().parents[2] / "roles" / "accounts" / "vars" / "main.yml"


@cache
def failback_policy(account: str) -> dict[str, Any]:
    """Return the policy of the role by which a failback leads servers home to an account."""
    loader = DataLoader()
    variables: dict[str, Any] = loader.load_from_file(str(VARIABLES), trusted_as_template=True)
    variables["accounts_caller"] = {"account": account, "arn": f"arn:aws:iam::{account}:user/operator"}
    statements = Templar(loader, variables=variables).template(variables["accounts_failback_policy"])
    return {"Version": "2012-10-17", "Statement": statements}
