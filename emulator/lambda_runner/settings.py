"""What a function may be: AWS's limits, and what this emulator runs: Python from a zip. Everything else is refused.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and …/configuration-envvars.html
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaBackend

from emulator.completion import replace
from emulator.lambda_runner.errors import InvalidParameterValue, RequestTooLarge

LARGEST_PACKAGE = 70_167_211  # characters of the request that carries it
LARGEST_UNZIPPED = 262_144_000  # bytes
LARGEST_ENVIRONMENT = 4096  # bytes of JSON
_RANGES = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}
_RESERVED = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}


def check_settings(settings: dict[str, Any]) -> None:
    """Check the settings of CreateFunction or UpdateFunctionConfiguration.

    Raises:
        InvalidParameterValue: AWS refuses them.
        NotImplementedError: this emulator does not do what they ask for.
    """
    runtime = settings.get("Runtime", "python")
    if not runtime.startswith("python"):
        raise NotImplementedError(f"the runtime {runtime}; functions are Python")
    for name in ("Layers", "FileSystemConfigs"):
        if settings.get(name):
            raise NotImplementedError(f"{name} of functions")
    if settings.get("DeadLetterConfig", {}).get("TargetArn"):
        raise NotImplementedError("DeadLetterConfig of functions")
    for name, (least, most) in _RANGES.items():
        if not least <= settings.get(name, least) <= most:
            raise InvalidParameterValue(f"{name} is {settings[name]}; it is a number from {least} to {most}")
    _check_environment(settings.get("Environment", {}).get("Variables") or {})


def _check_environment(variables: dict[str, str]) -> None:
    reserved = sorted(_RESERVED & variables.keys())
    if reserved:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used "
            f"in this request: {', '.join(reserved)}"
        )
    text = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > LARGEST_ENVIRONMENT:
        raise InvalidParameterValue(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {text}"
        )


def check_code(code: dict[str, Any], operation: str) -> None:
    """Check the code of CreateFunction or UpdateFunctionCode.

    Raises:
        InvalidParameterValue: it is no zip, or too large when unpacked.
        RequestTooLarge: the request that carries it is too large.
        NotImplementedError: it is a container image.
    """
    if code.get("ImageUri"):
        raise NotImplementedError("functions from container images")
    package = code.get("ZipFile")
    if package is None:
        return
    if len(package) > LARGEST_PACKAGE:
        raise RequestTooLarge(LARGEST_PACKAGE, operation)
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(package))) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (binascii.Error, zipfile.BadZipFile) as error:
        text = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise InvalidParameterValue(text) from error
    if size > LARGEST_UNZIPPED:
        raise InvalidParameterValue(f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes")


def _create(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(self: LambdaBackend, spec: dict[str, Any]) -> Any:
        if spec.get("PackageType", "Zip") != "Zip":
            raise NotImplementedError("functions from container images")
        check_settings(spec)
        check_code(spec["Code"], "CreateFunction")
        return original(self, spec)

    return create


def _configure(original: Callable[..., Any]) -> Callable[..., Any]:
    def configure(self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        check_settings(body)
        return original(self, function_name, qualifier, body)

    return configure


def _change_code(original: Callable[..., Any]) -> Callable[..., Any]:
    def change(self: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        check_code(body, "UpdateFunctionCode")
        return original(self, function_name, qualifier, body)

    return change


def _configure_events(original: Callable[..., Any]) -> Callable[..., Any]:
    def configure(self: LambdaBackend, function_name: str, config: dict[str, Any]) -> Any:
        if any((config.get("DestinationConfig") or {}).values()):
            raise NotImplementedError("destinations of asynchronous invocations")
        self.get_function(function_name).event_invoke_config.clear()
        return original(self, function_name, config)

    return configure


def _no_layers(*_args: Any, **_kwargs: Any) -> Any:
    raise NotImplementedError("layers")


def install() -> None:
    """Refuse what AWS refuses and what does not run here."""
    backend = LambdaBackend
    replace(
        backend,
        create_function=_create(backend.create_function),
        update_function_configuration=_configure(backend.update_function_configuration),
        update_function_code=_change_code(backend.update_function_code),
        put_function_event_invoke_config=_configure_events(backend.put_function_event_invoke_config),
        publish_layer_version=_no_layers,
    )
