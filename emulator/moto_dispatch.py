"""moto's way from a request to a backend, without what it would do anew for every request."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable
from typing import Any

import moto.backends
from moto.core.serialize import (
    DEFAULT_ALIAS_PROVIDERS,
    AttributePicker,
    AttributePickerContext,
    XFormedAttributePicker,
)
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from emulator.completion import replace


def _create_app(service: Any) -> Any:
    """Make the Flask application of a service: no debugging of forms, no headers for browsers of other origins."""
    app = create_backend_app(service)
    app.debug = False
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def _known_keys(original: Callable[..., Iterable[str]]) -> Callable[..., Iterable[str]]:
    """Find the spellings of a member in an object of a class once; moto tries all of them for every absent member."""
    known: dict[tuple[type, str, Any], tuple[str, ...]] = {}

    def possible_keys(self: AttributePicker, context: AttributePickerContext) -> Iterable[str]:
        if self.alias_providers is not DEFAULT_ALIAS_PROVIDERS:
            return original(self, context)
        about = (type(context.obj), context.key, context.shape)
        if about not in known:
            known[about] = tuple(dict.fromkeys(original(self, context)))
        return known[about]

    return possible_keys


def backends() -> DomainDispatcherApplication:
    """Return moto's application, all services in it."""
    modules = tuple(moto.backends.list_of_moto_modules())  # moto lists its directory for every request
    replace(moto.backends, list_of_moto_modules=lambda: modules)
    replace(importlib.import_module("moto.moto_server.werkzeug_app"), DISABLE_GLOBAL_CORS=True)
    names = functools.cache(method_names_from_class)  # moto inspects the class of the answer for every request
    replace(importlib.import_module("moto.core.responses"), method_names_from_class=names)
    for picker in (XFormedAttributePicker, AttributePicker):  # in this order: the first one's original calls the other
        replace(picker, get_possible_keys=_known_keys(picker.get_possible_keys))
    return DomainDispatcherApplication(_create_app)
