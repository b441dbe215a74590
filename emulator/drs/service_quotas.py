"""Let the emulator's Service Quotas answer for DRS, with the numbers that its DRS keeps.

moto's Service Quotas knows VPC only and cannot list what is applied.
"""

from __future__ import annotations

import json
from functools import wraps
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

from ..completion import add, replace
from .models import drs_backends
from .quotas import QUOTAS, SERVICE_CODE, SERVICE_NAME, Quota

LARGEST_PAGE = 100


class InvalidPaginationTokenError(JsonRESTError):
    """A token that no page was answered with."""

    def __init__(self) -> None:
        super().__init__("InvalidPaginationTokenException", "Invalid pagination token")


def _shown(backend: Any, quota: Quota, value: int) -> dict[str, Any]:
    arn = (
        f"arn:{backend.partition}:servicequotas:{backend.region_name}:{backend.account_id}:{SERVICE_CODE}/{quota.code}"
    )
    return {
        "ServiceCode": SERVICE_CODE,
        "ServiceName": SERVICE_NAME,
        "QuotaArn": arn,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": False,
    }


def _applied(backend: Any) -> list[dict[str, Any]]:
    values = drs_backends[backend.account_id][backend.region_name].quotas
    return [_shown(backend, quota, values[quota.code]) for quota in QUOTAS]


def _with_drs_defaults(original: Any) -> Any:
    @wraps(original)
    def list_aws_default_service_quotas(self: ServiceQuotasBackend, service_code: str) -> list[dict[str, Any]]:
        if service_code == SERVICE_CODE:
            return [_shown(self, quota, quota.value) for quota in QUOTAS]
        defaults: list[dict[str, Any]] = original(self, service_code)
        return defaults

    return list_aws_default_service_quotas


def _with_drs_quota(original: Any) -> Any:
    @wraps(original)
    def get_service_quota(self: ServiceQuotasBackend, service_code: str, quota_code: str) -> dict[str, Any]:
        if service_code != SERVICE_CODE:
            other: dict[str, Any] = original(self, service_code, quota_code)
            return other
        for quota in _applied(self):
            if quota["QuotaCode"] == quota_code:
                return quota
        raise NoSuchResource

    return get_service_quota


def _list_service_quotas(self: ServiceQuotasResponse) -> str:
    request = json.loads(self.body)
    code = request.get("ServiceCode")
    backend = self.backend
    quotas = _applied(backend) if code == SERVICE_CODE else backend.list_aws_default_service_quotas(code)
    if request.get("QuotaCode"):
        quotas = [quota for quota in quotas if quota["QuotaCode"] == request["QuotaCode"]]
    token = str(request.get("NextToken") or 0)
    if not token.isdigit():
        raise InvalidPaginationTokenError
    begin, size = int(token), int(request.get("MaxResults") or LARGEST_PAGE)
    answer: dict[str, Any] = {"Quotas": quotas[begin : begin + size]}
    if len(quotas) > begin + size:
        answer["NextToken"] = str(begin + size)
    return json.dumps(answer)


def install() -> None:
    """Complete moto's Service Quotas."""
    backend = ServiceQuotasBackend
    replace(
        backend,
        list_aws_default_service_quotas=_with_drs_defaults(backend.list_aws_default_service_quotas),
        get_service_quota=_with_drs_quota(backend.get_service_quota),
    )
    add(ServiceQuotasResponse, list_service_quotas=_list_service_quotas)
