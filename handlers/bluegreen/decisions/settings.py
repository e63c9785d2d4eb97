"""
The settings of a function that its callers may notice, and which of them differ between two versions.

Only these are compared: AWS adds fields to the configurations of functions that were not changed. A setting that Lambda
does not report is at its default, so that a field which one host reports and another does not is no difference.

A description says nothing to callers, and PublishVersion gives each version its own. Lambda itself moves the version of
a managed runtime (RuntimeVersionConfig) and a version's SnapStart.OptimizationStatus. So these are left out.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from bluegreen.text import plain

Configuration = Mapping[str, Any]
Settings = dict[str, Any]
"""By name. One that could not be read is missing: it is compared with nothing."""

ENVIRONMENT = "Environment"
MAY_BE_UNREADABLE = {ENVIRONMENT: ENVIRONMENT, "ImageConfig": "ImageConfigResponse"}
"""By name, the field in which Lambda reports an error instead of the setting, as without a permission on its key."""

MOST_VARIABLES = 12
"""At most this many environment variables are named."""
LONGEST_VARIABLE = 100

SETTINGS: dict[str, Callable[[Configuration], Any]] = {
    "AcceleratorConfig": lambda found: found.get("AcceleratorConfig"),
    "Architectures": lambda found: found.get("Architectures") or ["x86_64"],
    "CapacityProviderConfig": lambda found: found.get("CapacityProviderConfig"),
    "DeadLetterConfig": lambda found: _of(found, "DeadLetterConfig").get("TargetArn") or "",
    "DurableConfig": lambda found: found.get("DurableConfig"),
    ENVIRONMENT: lambda found: dict(_of(found, ENVIRONMENT).get("Variables") or {}),
    "EphemeralStorage": lambda found: _of(found, "EphemeralStorage").get("Size") or 512,
    "FileSystemConfigs": lambda found: [
        _only(each, "Arn", "LocalMountPath", "S3FilesConfig") for each in found.get("FileSystemConfigs") or []
    ],
    "Handler": lambda found: found.get("Handler") or "",
    "ImageConfig": lambda found: _only(
        _of(found, "ImageConfigResponse").get("ImageConfig") or {}, "EntryPoint", "Command", "WorkingDirectory"
    ),
    "KMSKeyArn": lambda found: found.get("KMSKeyArn") or "",
    "Layers": lambda found: [layer["Arn"] for layer in found.get("Layers") or []],
    "LoggingConfig": lambda found: (
        {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{found.get('FunctionName')}"}
        | _only(_of(found, "LoggingConfig"), "LogFormat", "LogGroup", "ApplicationLogLevel", "SystemLogLevel")
    ),
    "MemorySize": lambda found: found.get("MemorySize") or 128,
    "PackageType": lambda found: found.get("PackageType") or "Zip",
    "Role": lambda found: found.get("Role") or "",
    "Runtime": lambda found: found.get("Runtime") or "",
    "RuntimeConfig": lambda found: found.get("RuntimeConfig"),
    "SnapStart": lambda found: _of(found, "SnapStart").get("ApplyOn") or "None",
    "Timeout": lambda found: found.get("Timeout") or 3,
    "TracingConfig": lambda found: _of(found, "TracingConfig").get("Mode") or "PassThrough",
    "VpcConfig": lambda found: _network(_of(found, "VpcConfig")),
}
"""What people set, each as it is compared."""


def settings_of(configuration: Configuration) -> Settings:
    """Of a configuration as Lambda reports it."""
    unreadable = {name for name, field in MAY_BE_UNREADABLE.items() if _of(configuration, field).get("Error")}
    return {name: read(configuration) for name, read in SETTINGS.items() if name not in unreadable}


def differences(one: Settings, other: Settings) -> tuple[str, ...]:
    """The names of the settings that differ, with the names of the variables where the environment does."""
    return tuple(
        f"{name} ({_variables(one[name], other[name])})" if name == ENVIRONMENT else name
        for name in SETTINGS
        if name in one and name in other and one[name] != other[name]
    )


def uncompared(one: Settings, other: Settings) -> tuple[str, ...]:
    """The names of the settings that could not be read on both sides."""
    return tuple(name for name in SETTINGS if name not in one or name not in other)


def digests(settings: Settings, key: str) -> dict[str, str]:
    """
    A keyed SHA-256 of each setting, in hexadecimal.

    A reader without the key cannot check a guess at an environment variable against the digest.
    """
    texts = {name: json.dumps([name, value], sort_keys=True, default=str) for name, value in settings.items()}
    return {name: hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest() for name, text in texts.items()}


def _of(configuration: Configuration, name: str) -> Configuration:
    return configuration.get(name) or {}


def _only(found: Configuration, *names: str) -> dict[str, Any]:
    """Only these fields, as far as they are set: AWS adds fields inside of fields, too."""
    return {name: found[name] for name in names if found.get(name)}


def _network(found: Configuration) -> dict[str, Any]:
    """Without the VPC, which follows from the subnets, and without their order."""
    return {
        "SubnetIds": sorted(found.get("SubnetIds") or []),
        "SecurityGroupIds": sorted(found.get("SecurityGroupIds") or []),
        "Ipv6AllowedForDualStack": bool(found.get("Ipv6AllowedForDualStack")),
    }


def _variables(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    more = f" and {len(names) - MOST_VARIABLES} more" if len(names) > MOST_VARIABLES else ""
    shown = ", ".join(plain(name, LONGEST_VARIABLE) for name in names[:MOST_VARIABLES])
    return f"variable{'s' if len(names) > 1 else ''} {shown}{more}"
