"""The templates as CloudFormation sees them, once SAM has translated them."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from sandbox.server import interpreter

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
TARGET_TEMPLATE = ROOT / "target.yaml"
TRANSLATE = Path(__file__).with_name("translate.py")

Properties = dict[str, Any]


def sam() -> Path:
    """The SAM CLI of the sandbox's environment, beside an interpreter that has boto3 and none of what is packaged."""
    return Path(interpreter()).with_name("sam")


def run_sam(*arguments: str, **variables: str) -> str:
    """Its output. Fails with it, when SAM does."""
    no_account = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-west-1"}
    path = os.pathsep.join([str(sam().parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, **no_account, "SAM_CLI_TELEMETRY": "0", **variables}
    ran = subprocess.run([sam(), *arguments], cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@dataclass(frozen=True)
class Statement:
    """
    One statement of a role's policies, with its owner.

    A denial names in `all_but` what it is not about, and has no `resources`.
    """

    role: str
    sid: str
    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    all_but: tuple[Any, ...]
    condition: dict[str, Any]

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys of the table that it is about; None if it is not limited to some."""
        keys = self.condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
        return None if keys is None else tuple(keys)


@dataclass(frozen=True)
class Stack:
    """Resources by logical id."""

    resources: dict[str, Properties]
    outputs: dict[str, Any]
    parameters: dict[str, Any]
    conditions: dict[str, Any]

    def of_type(self, type_: str) -> dict[str, Properties]:
        """Their properties, by logical id."""
        return {name: each["Properties"] for name, each in self.resources.items() if each["Type"] == type_}

    def properties(self, name: str) -> Properties:
        properties: Properties = self.resources[name]["Properties"]
        return properties

    @property
    def functions(self) -> dict[str, Properties]:
        return self.of_type("AWS::Lambda::Function")

    def statements(self, role: str) -> Iterator[Statement]:
        """
        What a role may do: its inline policies, and the managed ones of this template.

        A policy or a statement with a condition is left out: only stacks whose parameters ask for it have it.
        """
        properties = self.properties(role)
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [
            self.properties(policy["Ref"])["PolicyDocument"]
            for policy in properties.get("ManagedPolicyArns", [])
            if isinstance(policy, dict) and "Ref" in policy
        ]
        documents += [
            policy["Properties"]["PolicyDocument"]
            for policy in self.resources.values()
            if policy["Type"] == "AWS::IAM::Policy" and "Condition" not in policy
            if {"Ref": role} in policy["Properties"]["Roles"]
        ]
        for document in documents:
            for each in (statement for statement in document["Statement"] if "Fn::If" not in statement):
                yield Statement(
                    role=role,
                    sid=each.get("Sid", ""),
                    effect=each["Effect"],
                    actions=tuple(as_list(each["Action"])),
                    resources=tuple(as_list(each.get("Resource", []))),
                    all_but=tuple(as_list(each.get("NotResource", []))),
                    condition=each.get("Condition", {}),
                )

    def all_statements(self) -> list[Statement]:
        """Of the roles as which the stack itself works; CiRole is for others."""
        roles = [role for role in self.of_type("AWS::IAM::Role") if "Condition" not in self.resources[role]]
        return [statement for role in roles for statement in self.statements(role)]

    def role_of(self, function: str) -> str:
        role: str = self.properties(function)["Role"]["Fn::GetAtt"][0]
        return role

    def name_of(self, function: str) -> str:
        """The function's name, in the words of the template."""
        name: str = self.properties(function)["FunctionName"]["Fn::Sub"]
        return name


def with_own_key(resource: str, name: str) -> tuple[Any, Any]:
    """A property in a stack with a KMS key of the account's own, and in one without."""
    condition, with_key, without = stack().properties(resource)[name]["Fn::If"]
    assert condition == "HasKmsKey"
    return with_key, without


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def stack(template: Path = TEMPLATE) -> Stack:
    translated = json.loads(_translated(template))
    resources = dict(sorted(translated["Resources"].items()))
    return Stack(resources, translated["Outputs"], translated["Parameters"], translated["Conditions"])


def target_stack() -> Stack:
    """What lets the stack deploy in another region or account."""
    return stack(TARGET_TEMPLATE)


def _translated(template: Path) -> str:
    """What SAM makes of the template; kept, since every process of a session asks for it and SAM takes seconds."""
    digest = hashlib.sha256(template.read_bytes() + TRANSLATE.read_bytes()).hexdigest()[:16]
    kept = ROOT / ".cache" / "translated" / f"{digest}.json"
    if not kept.exists():
        ran = subprocess.run(
            [interpreter(), "-I", TRANSLATE, template],
            env={"AWS_DEFAULT_REGION": "eu-west-1"},
            text=True,
            capture_output=True,
            check=True,
        )
        kept.parent.mkdir(parents=True, exist_ok=True)
        mine = kept.with_suffix(f".{os.getpid()}")
        mine.write_text(ran.stdout)
        mine.rename(kept)
    return kept.read_text()


def committed_machines() -> list[str]:
    """The names of the state machines in the repository, which are those of their files."""
    return sorted(path.name.partition(".")[0] for path in (ROOT / "statemachine").glob("*.asl.json"))


MACHINES = {f"{name.capitalize()}StateMachine": name for name in committed_machines()}
"""Those names by the resources."""


@cache
def machine(name: str = "deploy") -> dict[str, Any]:
    """A committed machine; without a name the one that deploys one function."""
    committed: dict[str, Any] = json.loads((ROOT / "statemachine" / f"{name}.asl.json").read_text())
    return committed


@cache
def tasks() -> dict[str, Any]:
    """The states of all machines that run a handler."""
    return {state: task for name in committed_machines() for state, task in tasks_of(machine(name)).items()}


def tasks_of(machine: Mapping[str, Any]) -> dict[str, Any]:
    """The states of a machine that run a handler, those of its maps included."""
    found: dict[str, Any] = {}
    for name, state in machine["States"].items():
        if state["Type"] == "Task" and runs_a_handler(state):
            found[name] = state
        elif state["Type"] == "Map":
            found |= tasks_of(state["ItemProcessor"])
    return found


def runs_a_handler(task: Mapping[str, Any]) -> bool:
    """Any other Task asks AWS for something, such as the start of another machine."""
    return task["Resource"].endswith("FunctionArn}") or ":lambda:invoke" in task["Resource"]


def handler_of(state: str) -> str:
    """The handler that a Task state runs, which most states have to themselves."""
    return named_in(tasks()[state])


def named_in(task: Mapping[str, Any]) -> str:
    """The handler that a Task runs; a Task that waits for a token names it as a parameter."""
    named = task["Parameters"]["FunctionName"] if "waitForTaskToken" in task["Resource"] else task["Resource"]
    return str(named).removeprefix("${").removesuffix("FunctionArn}")


def file_of(handler: str) -> str:
    """The name of the handler's file."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", handler).lower()
