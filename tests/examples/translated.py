"""Runs in the sandbox's environment, which has SAM: reads SAM templates, writes CloudFormation's as one JSON object."""

import json
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse  # type: ignore[import-not-found]
from samtranslator.translator.transform import transform  # type: ignore[import-not-found]


class AwsManagedPolicies:
    """SAM asks IAM for the ARNs of policies by name; these templates name none."""

    def load(self) -> dict[str, str]:
        return {}


def packaged(template: dict[str, Any]) -> dict[str, Any]:
    """As after `sam package`: what is a path here is an object in S3 there."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = f"s3://bucket/{properties['CodeUri']}"
    return template


def translated(file: str) -> Any:
    return transform(packaged(yaml_parse(Path(file).read_text())), {}, AwsManagedPolicies())


json.dump({file: translated(file) for file in sys.argv[1:]}, sys.stdout)
