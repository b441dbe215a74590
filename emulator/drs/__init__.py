"""AWS Elastic Disaster Recovery for moto: `install()` adds the service 'drs' to moto's own.

responses   HTTP, checked against botocore's model in both directions
operations  the API, a module for each subject
models      the store of an account and Region, and its agenda on the virtual clock
job_flow    how jobs go on; launching, terminating, failback_launch: their steps
compute     what DRS does in EC2; templates: the launch template of each server
render      state → answers
control     what tests change from outside
events      what EventBridge hears
faults, replication_faults  what fault rules do
settings    behaviour that public sources leave open
"""

from __future__ import annotations


def install() -> None:
    """Register the service with moto: where its URLs are, where its modules are. Calling it again changes nothing."""
    import re
    import sys

    import moto.backend_index

    from . import models, replication_faults, service_quotas, sources, urls

    package = sys.modules[__name__]
    package.drs_backends = models.drs_backends  # type: ignore[attr-defined]  # moto looks for it in the package
    sys.modules["moto.drs"] = package
    sys.modules["moto.drs.models"] = models
    sys.modules["moto.drs.urls"] = urls
    patterns = moto.backend_index.backend_url_patterns
    if not any(name == "drs" for name, _ in patterns):
        patterns.append(("drs", re.compile(urls.url_bases[0])))
    service_quotas.install()
    replication_faults.install()
    sources.install()
