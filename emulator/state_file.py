"""Save the whole state to a file, and go on from it in another process.

Saved is what rests: every backend of moto with its resources, DRS with its jobs and the moments at which they go on,
ended executions with their histories, the virtual time, and what `kept.py` lists. What runs has a thread or a process,
and cannot be saved: the refusal names it.
"""

from __future__ import annotations

import importlib
import io
import itertools
import os
import pickle
import tempfile
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from emulator import kept
from emulator.clock import CLOCK
from emulator.faults.registry import FAULTS

_MARK = b"embedded AWS, saved state\n"
_FORMAT = 2
_STORE_ATTRIBUTES = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})
_LOCKS = {type(factory()): factory for factory in (threading.Lock, threading.RLock)}


class StateError(ValueError):
    """The state cannot be saved or loaded; the message says why, and what to do."""


def save(path: Path) -> None:
    """Write the state to a file, whole or not at all.

    Raises:
        StateError: something runs, or the file cannot be written.
    """
    _refuse_what_runs()
    document = {
        "format": _FORMAT,
        "moto": version("moto"),
        "clock": CLOCK.saved(),
        "backends": {name: vars(backend) for name, backend in _backends()},
        "stores": {_name_of(service): _shared(service) for service in _stores()},
        "kept": kept.content(),
    }
    buffer = io.BytesIO()
    try:
        _Pickler(buffer).dump(document)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise StateError(f"something in the state cannot be saved: {error}") from error
    _write(path, _MARK + buffer.getvalue())


def load(path: Path) -> None:
    """Take the state from a file over into this process, in which nothing has been made yet.

    The file is a pickle: whoever made it decides what this process does.

    Raises:
        StateError: it is no saved state, or that of another version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StateError(str(error.strerror)) from error
    if not content.startswith(_MARK):
        raise StateError("this is no state that an embedded AWS has saved")
    try:
        document = _Unpickler(io.BytesIO(content[len(_MARK) :])).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, KeyError) as error:
        raise StateError(f"the state is damaged or of another version: {error}") from error
    if (document["format"], document["moto"]) != (_FORMAT, version("moto")):
        raise StateError(f"the state is of format {document['format']} with moto {document['moto']}; save it again")
    for name, attributes in document["backends"].items():
        vars(_backend(*name)).update(attributes)
    for name, attributes in document["stores"].items():
        vars(_service(*name)).update(attributes)
    kept.restore(document["kept"])
    CLOCK.restore(*document["clock"])


def _refuse_what_runs() -> None:
    running = [
        execution.name
        for regions in stepfunctions_parser_backends.values()
        for backend in regions.values()
        for machine in backend.state_machines
        for execution in machine.executions
        if execution.status == "RUNNING"
    ]
    if running:
        raise StateError(f"execution {running[0]} runs; a running execution cannot be saved: let it end or stop it")
    if CLOCK.status()["busy"] > 1:
        raise StateError("a request or a function is at work; save when all rest")
    if FAULTS.pending():
        raise StateError("fault rules are set and are not saved: delete them first")


def _stores() -> list[Any]:
    stores: Any = BackendDict
    return list(stores._instances)


def _backends() -> Iterator[tuple[tuple[str, str, str, str], BaseBackend]]:
    for service in _stores():
        for account, region, backend in service.iter_backends():
            yield (*_name_of(service), account, region), backend


def _name_of(service: Any) -> tuple[str, str]:
    """Return the name of a store: two of them may be of one AWS service."""
    return service.backend.__module__, service.backend.__name__


def _service(module: str, name: str) -> Any:
    backend = getattr(importlib.import_module(module), name)
    stores = vars(importlib.import_module(module)).values()
    return next(store for store in stores if isinstance(store, BackendDict) and store.backend is backend)


def _backend(module: str, name: str, account: str, region: str) -> Any:
    return _service(module, name)[account][region]


def _shared(service: Any) -> dict[str, Any]:
    """Return what a store knows beside its backends: S3, which account has which bucket."""
    return {name: value for name, value in vars(service).items() if name not in _STORE_ATTRIBUTES}


def _is_local(factory: Any) -> bool:
    """Tell whether what makes the values of a dict is a function in a function, which no pickle can name."""
    return "<locals>" in getattr(factory, "__qualname__", "") and factory() == {}


def _private_key(content: bytes) -> PrivateKeyTypes:
    """Return the key that was written; the library's own function cannot be named in a pickle."""
    return load_der_private_key(content, None)


class _Pickler(pickle.Pickler):
    """Writes references to backends and to the clock by their names, locks as new ones, and keys of KMS as files do."""

    def __init__(self, file: io.BytesIO):
        super().__init__(file)
        self._names = {id(backend): name for name, backend in _backends()}

    def persistent_id(self, obj: Any) -> Any:
        if obj is CLOCK:
            return ("clock",)
        if isinstance(obj, BaseBackend):
            return ("backend", *self._names[id(obj)])
        if isinstance(obj, AccountSpecificBackend):
            return ("account", obj.backend.__module__, obj.backend.__name__, obj.account_id)
        if isinstance(obj, BackendDict):
            return ("service", *_name_of(obj))
        return None

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) in _LOCKS:
            return _LOCKS[type(obj)], ()
        if isinstance(obj, itertools.count):
            return itertools.count, (int(repr(obj).removeprefix("count(").removesuffix(")")),)
        if isinstance(obj, weakref.WeakValueDictionary):  # of functions, which others hold
            return weakref.WeakValueDictionary, (dict(obj),)
        if isinstance(obj, defaultdict) and _is_local(obj.default_factory):  # aliases of functions
            return defaultdict, (dict,), None, None, iter(obj.items())
        if isinstance(obj, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            return _private_key, (obj.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: Any) -> Any:
        kind, *name = pid
        if kind == "clock":
            return CLOCK
        if kind == "backend":
            return _backend(*name)
        service = _service(*name[:2])
        return service[name[2]] if kind == "account" else service


def _write(path: Path, content: bytes) -> None:
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # for its owner only: secrets
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
