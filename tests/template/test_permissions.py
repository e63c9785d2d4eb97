"""Who may do what. MiniStack enforces these policies; here stands what they must not become."""

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from bluegreen.aws.events import SOURCE
from tests.permissions.services import kinds
from tests.template.calls import needs_of, unknown_calls
from tests.template.stack import MACHINES, Statement, stack

FROM_SAM = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
"""What SAM gives each function so that it can log and trace; both are AWS's own."""

TELLS_WHAT_IS_MISSING = {
    function: {"s3:ListBucket"}
    for function in (
        *("SmokeTestFunction", "CheckHealthFunction", "OpenReleaseFunction", "LookAtWaveFunction"),
        "RollBackReleaseFunction",
    )
}
"""Of an object that is gone S3 says so only to who may list the bucket; of others it denies the object."""

FAILED_EVENTS = {"sqs:SendMessage"}
"""SAM lets a function with a destination for failed events write there."""

OPTED_IN = {"StringEquals": {"aws:ResourceTag/bluegreen:managed": "true"}}

LEDGER = {"Fn::GetAtt": ["DeploymentsTable", "Arn"]}
WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
READS = ("Get", "List", "Query", "Describe", "BatchGet", "Filter")
"""How the names of actions begin that change nothing."""

WHO_PUT_BLUE_BACK = {"RecoverPrevious", "RollBack", "RollBackRelease", "RecoverDeployments"}
WHO_END_A_DEPLOYMENT = WHO_PUT_BLUE_BACK | {"CompleteDeployment", "CompleteRelease", "RejectDeployment"}
WHO_HAVE_TO_DO_WITH_LOCKS = WHO_END_A_DEPLOYMENT | {"OpenDeployment", "OpenMember"}
WHO_TELL_PEOPLE = WHO_END_A_DEPLOYMENT | {
    *("OpenDeployment", "AwaitApproval", "ShiftAlias", "CheckHealth", "DeleteVersions"),
    *("OpenRelease", "ConfirmFunctions", "LookAtWave"),
}
WHO_TELL_SYSTEMS = WHO_TELL_PEOPLE | {"ShiftWave"}
WHO_KEEP_OBJECTS_OF_RELEASES = {"OpenRelease", "ConfirmFunctions", "ShiftWave", "LookAtWave", "CompleteRelease"}
TELLING = {"sns:Publish", "events:PutEvents"}

WHO_WORK_ON_RELEASES = {
    *("OpenRelease", "ConfirmFunctions", "ShiftWave", "LookAtWave", "CompleteRelease", "RollBackRelease"),
    "RecoverDeployments",
}

CHANGES = {
    "lambda:UpdateFunctionCode": WHO_PUT_BLUE_BACK | {"UpdateCode"},
    "lambda:PublishVersion": {"PublishVersion"},
    "lambda:UpdateAlias": WHO_PUT_BLUE_BACK | {"ShiftAlias", "ShiftWave"},
    "lambda:InvokeFunction": WHO_PUT_BLUE_BACK
    | {"SmokeTest", "RunHook", "CheckHealth", "ServeApi", "ConfirmFunctions", "LookAtWave"},
    "lambda:DeleteFunction": {"DeleteVersions"},
    "dynamodb:DeleteItem": WHO_HAVE_TO_DO_WITH_LOCKS | {"ReceiveUpload", "ServeApi"},
    "s3:PutObject": WHO_PUT_BLUE_BACK | {"UpdateCode"} | WHO_KEEP_OBJECTS_OF_RELEASES,
    "sns:Publish": WHO_TELL_PEOPLE,
    "events:PutEvents": WHO_TELL_SYSTEMS,
    "states:StartExecution": {"ReceiveUpload", "ServeApi", "RecoverDeployments"},
    "states:StopExecution": {"RecoverDeployments"},
}
"""Who changes or runs something, the record aside."""

STATEMENTS = stack().all_statements()
ALLOWED = [each for each in STATEMENTS if each.allows]
OF_FUNCTIONS = [each for each in ALLOWED if each.role.removesuffix("Role") not in MACHINES]
OF_USERS = [
    each
    for each in OF_FUNCTIONS
    if any(action.startswith("lambda:") for action in each.actions) and each.sid != "HaveAbortsCarriedOut"
]
"""What handlers may do to functions of users. An abort is carried out by a function of the stack."""
every_allowance = pytest.mark.parametrize("statement", ALLOWED, ids=lambda each: f"{each.role}-{each.sid}")
every_function = pytest.mark.parametrize("function", stack().functions)


def owner(statement: Statement) -> str:
    """The handler whose role it is."""
    return statement.role.removesuffix("FunctionRole")


def may(action: str) -> set[str]:
    """The handlers that may."""
    return {owner(each) for each in OF_FUNCTIONS if action in each.actions}


def may_write(key: str) -> dict[str, set[str]]:
    """Which handlers may write items of the ledger with that key, and how."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in OF_FUNCTIONS:
        if key in (each.keys or ()):
            found[owner(each)] |= WRITES & set(each.actions)
    return {name: verbs for name, verbs in found.items() if verbs}


def changes(action: str) -> bool:
    return not action.partition(":")[2].startswith(READS)


@every_allowance
def test_no_action_has_a_wildcard(statement: Statement) -> None:
    assert "*" not in "".join(statement.actions)


@every_allowance
def test_a_statement_that_allows_names_its_resources(statement: Statement) -> None:
    assert statement.resources
    assert not statement.all_but


@every_allowance
def test_functions_of_users_are_touched_only_if_they_opted_in(statement: Statement) -> None:
    if "function:*" not in json.dumps(statement.resources):
        return
    if statement.sid == "SeeTags":
        assert statement.actions == ("lambda:ListTags",)
        assert statement.condition == {}
    else:
        assert statement.condition == OPTED_IN


def test_nothing_but_the_tags_is_seen_of_functions_that_did_not_opt_in() -> None:
    unconditioned = [each for each in OF_USERS if each.condition != OPTED_IN]

    assert {each.sid for each in unconditioned} == {"SeeTags", "SeeSourcesAndLimits"}
    for each in unconditioned:
        assert not [action for action in each.actions if action != "lambda:ListTags" and kinds(action)]


def test_every_handler_that_touches_functions_sees_their_tags() -> None:
    touching = {owner(each) for each in OF_USERS}

    assert may("lambda:ListTags") == touching


@pytest.mark.parametrize("action", CHANGES)
def test_few_handlers_may_change_or_run_something(action: str) -> None:
    assert may(action) == CHANGES[action]


def test_a_version_may_be_deleted_and_no_function() -> None:
    (deleting,) = [each for each in OF_FUNCTIONS if "lambda:DeleteFunction" in each.actions]
    (resource,) = deleting.resources

    assert deleting.actions == ("lambda:DeleteFunction",)
    assert resource["Fn::Sub"].endswith(":function:*:*")
    assert deleting.condition == OPTED_IN


def test_open_deployment_may_change_the_ledger_and_tell_of_it_and_nothing_else() -> None:
    mine = [each for each in OF_FUNCTIONS if owner(each) == "OpenDeployment" and not TELLING & set(each.actions)]
    changing = [each for each in mine if any(map(changes, each.actions)) and each.sid != "EncryptNotifications"]
    actions = {action for each in changing for action in each.actions if changes(action)}
    of_lambda = {action for each in mine for action in each.actions if action.startswith("lambda:")}

    assert actions == WRITES
    assert [each.resources for each in changing] == [(LEDGER,)] * len(changing)
    assert not [action for action in of_lambda if changes(action)]


def test_a_role_sends_no_event_but_of_the_stack_s_own_source() -> None:
    sending = [each for each in OF_FUNCTIONS if "events:PutEvents" in each.actions]

    assert {owner(each) for each in sending} == WHO_TELL_SYSTEMS
    for each in sending:
        assert each.condition == {"StringEquals": {"events:source": SOURCE}}
        assert "event-bus/default" in json.dumps(each.resources)


@every_function
def test_a_function_may_do_what_its_handler_does_and_nothing_else(function: str) -> None:
    handler = stack().functions[function]["Handler"].removesuffix(".handler")
    statements = stack().statements(stack().role_of(function))
    granted = {action for statement in statements if statement.allows for action in statement.actions}

    assert granted - FAILED_EVENTS - TELLS_WHAT_IS_MISSING.get(function, set()) == needs_of(handler)


def test_no_call_of_aws_escapes_the_test_before() -> None:
    assert unknown_calls() == set()


@every_allowance
def test_a_role_writes_to_some_keys_of_the_ledger_only(statement: Statement) -> None:
    if WRITES & set(statement.actions):
        assert statement.resources == (LEDGER,)
        assert statement.keys
        assert all(re.fullmatch(r"[a-z]+#\*", key) for key in statement.keys)


def test_the_audit_is_only_ever_added_to() -> None:
    steps = may_write("steps#*")

    assert set(map(frozenset, steps.values())) == {frozenset({"dynamodb:PutItem"})}
    assert [each.sid for each in OF_FUNCTIONS if "steps#*" in (each.keys or ()) and len(each.keys or ()) > 1] == []


def test_every_state_adds_to_the_audit_and_so_does_the_recovery() -> None:
    handlers = {name.removesuffix("Function") for name in stack().functions}

    assert set(may_write("steps#*")) == handlers - {"ReceiveUpload", "ServeApi"}


def test_the_handlers_that_take_or_free_a_lock_touch_locks_and_no_others() -> None:
    assert set(may_write("lock#*")) == WHO_HAVE_TO_DO_WITH_LOCKS
    readers = {owner(each) for each in OF_FUNCTIONS if "lock#*" in (each.keys or ())}
    assert readers == WHO_HAVE_TO_DO_WITH_LOCKS | {"ReceiveUpload", "DeleteVersions"}


@pytest.mark.parametrize(
    ("key", "writers"),
    [
        (
            "deployment#*",
            WHO_HAVE_TO_DO_WITH_LOCKS | {"UpdateCode", "PublishVersion", "ShiftAlias", "ShiftWave", "DeleteVersions"},
        ),
        ("release#*", WHO_WORK_ON_RELEASES | {"OpenMember", "NoteMember"}),
        ("serving#*", {"CompleteDeployment", "CompleteRelease", "RollBackRelease"}),
        ("code#*", {"OpenDeployment", "OpenMember"}),
        ("newest#*", {"OpenDeployment", "OpenMember"}),
        ("waiting#*", {"OpenDeployment", "ReceiveUpload"}),
        ("refusals#*", {"RecoverPrevious", "RecoverDeployments", "RejectDeployment", "OpenRelease", "RollBackRelease"}),
        ("start#*", {"ReceiveUpload", "ServeApi"}),
        ("freezes#*", {"ServeApi"}),
        ("pace#*", may("lambda:ListTags")),
    ],
)
def test_the_items_of_the_ledger_have_few_writers(key: str, writers: set[str]) -> None:
    assert set(may_write(key)) == writers


def test_an_author_is_written_by_the_triggers_and_read_by_those_that_write_a_record() -> None:
    readers = {
        owner(each) for each in OF_FUNCTIONS if "start#*" in (each.keys or ()) and "dynamodb:GetItem" in each.actions
    }

    assert set(map(frozenset, may_write("start#*").values())) == {frozenset({"dynamodb:PutItem"})}
    assert readers == {"OpenDeployment", "OpenRelease", "RejectDeployment", "ReceiveUpload"}


def test_the_handlers_in_between_update_a_record_and_write_none() -> None:
    for handler in ("UpdateCode", "PublishVersion", "ShiftAlias", "ShiftWave", "DeleteVersions"):
        assert may_write("deployment#*")[handler] == {"dynamodb:UpdateItem"}


def test_a_release_and_its_functions_are_written_when_it_opens_and_then_updated() -> None:
    """A look replaces the verdict on its wave."""
    writing = may_write("release#*")

    assert {name for name, verbs in writing.items() if "dynamodb:PutItem" in verbs} == {"OpenRelease", "LookAtWave"}
    assert {name for name, verbs in writing.items() if "dynamodb:UpdateItem" not in verbs} == set()


def test_who_meets_the_lock_of_a_release_may_see_whether_that_runs() -> None:
    """And who goes on with one, or acts for one, sees that the execution is the one that it says."""
    seeing: dict[str, set[str]] = defaultdict(set)
    for each in OF_FUNCTIONS:
        if "execution:${AWS::StackName}-release:*" in json.dumps(each.resources):
            seeing[owner(each)] |= set(each.actions) - {"states:StopExecution"}
    describing, proving = {"states:DescribeExecution"}, {"states:DescribeExecution", "states:GetExecutionHistory"}

    assert seeing == dict.fromkeys(
        ("OpenDeployment", "RecoverPrevious", "OpenMember", "RecoverDeployments"), describing
    ) | dict.fromkeys(
        ("OpenRelease", "ConfirmFunctions", "ShiftWave", "LookAtWave", "CompleteRelease", "RollBackRelease"), proving
    )


def test_smoke_tests_and_looks_leave_the_record_as_it_is() -> None:
    for handler in ("SmokeTest", "CheckHealth"):
        keys = {key for each in OF_FUNCTIONS if owner(each) == handler for key in each.keys or ()}
        asks = {"approval#*", "decision#*", "orders#*"} if handler == "CheckHealth" else set()
        assert keys == {"deployment#*", "steps#*", "pace#*"} | asks
        assert handler not in may_write("deployment#*")


def stream_of(function: str, name: str = "Blue") -> str:
    """A log stream of a function of the stack by that name, as Lambda names it in a shared log group."""
    named = stack().name_of(function).replace("${AWS::StackName}", name)
    return f"arn:aws:logs:eu-west-1:123456789012:log-group:{logs(name)}:log-stream:2026/01/05/{named}[$LATEST]0a1b2c"


def logs(name: str) -> str:
    """The log group of a stack by that name."""
    return f"/aws/lambda/{name}-51af3dc0"


def matches(pattern: Any, arn: str, name: str = "Blue") -> bool:
    """As IAM matches an ARN: * is any text, ? any letter, and all else is itself."""
    values = {"AWS::Partition": "aws", "AWS::StackName": name, "FunctionLogs": logs(name)}
    text = re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], pattern["Fn::Sub"])
    return re.fullmatch(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), arn) is not None


@every_function
def test_a_role_writes_into_the_log_streams_of_its_own_function_only(function: str) -> None:
    statements = stack().statements(stack().role_of(function))
    (denial,) = [each for each in statements if each.sid == "WriteNoOtherLogs"]
    (own,) = denial.all_but
    others = [stream_of(other) for other in stack().functions if other != function]

    assert denial.effect == "Deny"
    assert set(denial.actions) == {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert (denial.resources, denial.condition) == ((), {})
    assert matches(own, stream_of(function))
    assert not [stream for stream in others if matches(own, stream)]
    assert not matches(own, stream_of(function, "Other"))


def test_who_touches_functions_of_users_may_not_touch_those_of_the_stack_whatever_tags_they_have() -> None:
    denials = [each for each in STATEMENTS if each.sid == "LeaveTheStackAlone"]
    of_the_stack = [{"Fn::Sub": f"${{{function}.Arn}}*"} for function in stack().functions]

    assert {owner(each) for each in denials} == may("lambda:ListTags")
    for each in denials:
        assert (each.effect, each.actions, each.condition) == ("Deny", ("lambda:*",), {})
        assert sorted(map(str, each.resources)) == sorted(map(str, of_the_stack))


def test_only_logs_of_others_and_functions_of_the_stack_are_denied() -> None:
    assert {each.sid for each in STATEMENTS if not each.allows} == {"WriteNoOtherLogs", "LeaveTheStackAlone"}


def test_a_sid_has_one_meaning() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for each in STATEMENTS:
        said = json.dumps([each.effect, sorted(each.actions), each.resources, each.all_but, each.condition])
        meanings[each.sid].add(said.replace(f"-{owner(each)}[", "-<its own>["))

    assert {sid: said for sid, said in meanings.items() if len(said) > 1} == {}


def test_sam_adds_logs_and_traces_only() -> None:
    for role in stack().of_type("AWS::IAM::Role").values():
        added = {arn.rpartition("/")[2] for arn in role["ManagedPolicyArns"] if isinstance(arn, str)}
        assert added <= FROM_SAM


def test_a_role_is_for_one_service() -> None:
    for name, role in stack().of_type("AWS::IAM::Role").items():
        if name == "CiRole":
            continue
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = "states.amazonaws.com" if name.removesuffix("Role") in MACHINES else "lambda.amazonaws.com"
        assert trust["Principal"] == {"Service": [service]}
