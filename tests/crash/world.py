"""
One deployment in an AWS of its own, with everybody who may be there beside it.

Users call throughout: twice a second of the clock, and before and after every call of the deployer that changes
something, when no time passes at all. Whoever changes the alias or $LATEST is written down. All of it happens one after
the other, so that the same case is the same run.
"""

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import Subscription

import receive_upload
import recover_deployments
from bluegreen import clock as handlers_clock
from bluegreen.aws import executions
from bluegreen.edge import logger
from bluegreen.request.upload import Upload
from tests.machine.deployer import ALIAS, BUCKET, FUNCTION, GOOD, TABLE, Deployer, alarm, installed, zip_of
from tests.machine.faults import Call, HandlerKilled, HandlerTimedOut
from tests.machine.invocation import Context, Handler
from tests.machine.strict_lambda import weights_of
from tests.machine.walk import REGION, InProcessAws, Moment, Run, handlers_of

BLUE, OTHER = "1", "2"
"""The version that serves at first, and one that somebody else may move the alias to."""

ALARM = "sales"
"""Watched by every deployment under test, and never red."""

RECOVERY, TRIGGER = "RecoverDeployments", "ReceiveUpload"
SWEEP_SECONDS = 300
UPDATE_SECONDS = 2.0
USERS_A_SECOND = 2
AFTERWARDS_SECONDS = 10
"""Between two requests once the execution is over: half an hour may pass then, in which little happens."""

ANOTHER = "another deployment"
"""Who changes things in the name of another execution than the one under test."""

READS = frozenset(
    {"GetFunction", "GetAlias", "GetItem", "Query", "GetObject", "GetMetricData", "DescribeExecution", "DescribeAlarms"}
)
"""What changes nothing that a user could meet."""

CONTROL_PLANE = "lambda"
Route = tuple[str, tuple[tuple[str, float], ...]]
"""What an alias says: its main version, and the weights beside it."""


@dataclass(frozen=True, order=True)
class Place:
    """The nth call of an operation by one handler, or (without an operation) the nth time in a state."""

    state: str
    operation: str
    nth: int

    def __str__(self) -> str:
        return f"{self.state}{f'.{self.operation}' if self.operation else ''}#{self.nth}"


@dataclass(frozen=True)
class Change:
    """Somebody changed the alias (routes) or $LATEST (digests)."""

    by: str
    what: Literal["alias", "latest"]
    before: Any
    after: Any


Inject = Callable[["World", Call, Callable[[], Any]], Any]
"""Makes the attempt or does not, and gives the answer."""


@dataclass
class Injection:
    """A fault that waits for its place."""

    place: Place
    inject: Inject
    times: int | None = 1
    met: int = 0
    seen: int = 0

    def meets(self, call: Call) -> bool:
        """Whether this attempt is one of its; counts it."""
        if (call.state, call.operation) != (self.place.state, self.place.operation):
            return False
        self.seen += 1
        if self.seen < self.place.nth or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        return True


@dataclass
class AtState:
    """Something that happens when a state is entered or left."""

    state: str
    nth: int
    moment: Moment
    do: Callable[["World"], object]
    is_fault: bool = True
    met: int = 0


@dataclass
class InHandler:
    """Something about one handler's nth invocations: an error of its state instead of its answer, or a wrong clock."""

    state: str
    error: str = ""
    when: Literal["before", "after"] = "before"
    nth: int = 1
    times: int | None = 1
    skew_seconds: float = 0.0
    alternating: bool = False
    met: int = 0
    seen: int = 0

    def is_due(self, state: str) -> bool:
        """Whether this invocation is one of its; counts it."""
        if self.state not in (state, "*"):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        self.skew_seconds *= -1 if self.alternating else 1
        return True


@dataclass
class Parked:
    """A handler that still runs although nobody waits for it any more."""

    thread: threading.Thread
    resume: threading.Event = field(default_factory=threading.Event)
    killed: bool = False


class LambdaLost(Exception):
    """Step Functions lost sight of the function; its subclasses are named as Step Functions names that."""


def lost(error: str) -> Exception:
    """An exception whose class has that name."""
    named: type[Exception] = type(error, (LambdaLost,), {})
    return named("as the test wants it")


class World:
    """What a case can do, and what it sees."""

    def __init__(self) -> None:
        self.trace: list[Place] = []
        self.visits: list[Place] = []
        self.injections: list[Injection] = []
        self.at_states: list[AtState] = []
        self.in_handlers: list[InHandler] = []
        self.ledger: list[Change] = []
        self.served: Counter[str] = Counter()
        self.harmed: list[str] = []
        self.bad: set[str] = set()
        self.late = False
        self.arn = ""
        self.parked: list[Parked] = []
        self.stopped_at_call: int | None = None
        self.whole_after_calls: int | None = None
        self.calls = 0
        self.recovery_calls = 0
        self.zombies_in: set[str] = set()
        self.actor_notes: list[str] = []
        self.resume_at_recovery_call: int | None = None
        self.hangs_at_recovery_call: int | None = None
        self.resume_in_next = False
        self.late_runs: list[Run] = []
        self.events = 1
        self.heir = False
        self.quiet = False
        self._counts: Counter[tuple[str, str]] = Counter()
        self._visits: Counter[str] = Counter()
        self._soon: tuple[int, Callable[[World], object]] | None = None
        self._sweep_hangs = False
        self._busy = 0
        self._another = 0
        self._next_hook: Callable[[str, Moment], None] | None = None
        self._gate = threading.Event()
        self._waiting_for: dict[int, threading.Event] = {}

    def begin(self, deployer: Deployer) -> None:
        """A function whose alias is at version 1, with another version beside it."""
        self.deployer = deployer
        self.aws: InProcessAws = deployer.aws
        self._backend = lambda_backends[DEFAULT_ACCOUNT_ID][REGION]
        lambda_ = boto3.client("lambda")
        for source, publish in ((GOOD % 77, True), (GOOD % 1, False)):
            lambda_.update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(source))
            self.aws.clock.sleep(UPDATE_SECONDS)
            if publish:
                lambda_.publish_version(FunctionName=FUNCTION)
                self.aws.clock.sleep(UPDATE_SECONDS)
        self.digest_before = self.digest()
        alarm(ALARM, "OK")
        self.aws.after(1 / USERS_A_SECOND, self._user_calls_again)

    def new_run(self) -> None:
        """Another deployment in the same world begins: its places are counted anew."""
        self.disarm()
        self.ledger.clear()
        self.actor_notes.clear()
        self._counts.clear()
        self._visits.clear()
        self.quiet = False

    def met(self) -> list[int]:
        """How often each of the things that were to happen did."""
        return [
            *(injection.met for injection in self.injections),
            *(at_state.met for at_state in self.at_states if at_state.is_fault),
            *(in_handler.met for in_handler in self.in_handlers),
        ]

    def disarm(self) -> None:
        """Nothing more goes wrong."""
        self.injections, self.at_states, self.in_handlers = [], [], []
        self._soon = self.resume_at_recovery_call = self.hangs_at_recovery_call = None
        self.quiet = True

    # What is to be seen from outside.

    def route(self) -> Route:
        """The alias as it stands, asked of nobody."""
        alias = self._backend.get_alias(ALIAS, FUNCTION)
        weights = weights_of(alias.routing_config)
        return str(alias.function_version), tuple(sorted(weights.items()))

    def digest(self) -> str:
        """The code of $LATEST, asked of nobody."""
        return str(self._backend.get_function(FUNCTION, None).code_sha_256)

    def digest_of(self, version: str) -> str:
        """The code of a version."""
        return str(self._backend.get_function(FUNCTION, version).code_sha_256)

    def settings(self) -> dict[str, str]:
        """The environment of $LATEST."""
        return dict(self._backend.get_function(FUNCTION, None).environment_vars or {})

    def user_calls(self) -> None:
        """One request. What a version itself answers is its own affair."""
        headers: dict[str, str] = {}
        body = json.dumps({"user": 1, "late": self.late})
        try:
            with self.aws.acting(None, immune=True):
                self._backend.invoke(FUNCTION, ALIAS, body, {}, headers)
        except Exception as error:
            self.harmed.append(f"{type(error).__name__}: {error} (alias at {self.route()})")
            return
        version = headers["X-Amz-Executed-Version"]
        self.served[version] += 1
        if "X-Amz-Function-Error" in headers and self.digest_of(version) not in self.bad:
            self.harmed.append(f"version {version} failed, which it never does")

    def _user_calls_again(self) -> None:
        self.user_calls()
        self.aws.after(AFTERWARDS_SECONDS if self.quiet else 1 / USERS_A_SECOND, self._user_calls_again)

    # What other people do.

    @contextmanager
    def aside(self, *, another: bool = False) -> Iterator[None]:
        """No fault meets what happens in this block, and it is no place; `another` deployment's doing, perhaps."""
        self._busy += 1
        self._another += another
        try:
            yield
        finally:
            self._busy -= 1
            self._another -= another

    def act(self, what: str) -> None:
        """Somebody else changes the alias or $LATEST, as they would in the console."""
        lambda_ = boto3.client("lambda")
        green = (self.record_of(self.arn) or {}).get("green")
        routes: dict[str, tuple[str, dict[str, float]]] = {
            "other version": (OTHER, {}),
            "blue": (BLUE, {}),
            "other weights": (BLUE, {green or OTHER: 0.3}),
            "green": (green or OTHER, {}),
        }
        with self.aside(), self.aws.acting("somebody else", immune=True), self.written_down("somebody else"):
            if what in routes:
                version, weights = routes[what]
                lambda_.update_alias(
                    FunctionName=FUNCTION,
                    Name=ALIAS,
                    FunctionVersion=version,
                    RoutingConfig={"AdditionalVersionWeights": weights},
                )
            elif what == "$LATEST's code":
                self._patiently(lambda: lambda_.update_function_code(FunctionName=FUNCTION, ZipFile=zip_of(GOOD % 99)))
            else:
                self._patiently(
                    lambda: lambda_.update_function_configuration(
                        FunctionName=FUNCTION, Environment={"Variables": {"THEIRS": "yes"}}
                    )
                )
                self.actor_notes.append("settings")

    def _patiently(self, do: Callable[[], object]) -> None:
        try:
            do()
        except ClientError:
            self.aws.clock.sleep(UPDATE_SECONDS)
            do()

    @contextmanager
    def written_down(self, by: str) -> Iterator[None]:
        """Into the ledger goes whatever changes in this block."""
        route, digest = self.route(), self.digest()
        yield
        if self.route() != route:
            self.ledger.append(Change(by, "alias", route, self.route()))
        if self.digest() != digest:
            self.ledger.append(Change(by, "latest", digest, self.digest()))

    def stop(self) -> None:
        """A person stops the execution."""
        self.aws.stop(self.arn)
        self._stopped()

    def time_out(self) -> None:
        """The machine's TimeoutSeconds are over."""
        self.aws.time_out(self.arn)
        self._stopped()

    def _stopped(self) -> None:
        self.stopped_at_call = self.calls if self.route()[1] else None

    def sweep_beside(self) -> None:
        """The schedule comes while other things happen."""
        with self.aside():
            self.recover({})

    def hanging_sweep(self, call: int, states: int) -> None:
        """The schedule comes, hangs before that call, and goes on once the execution was stopped some states later."""
        self.hangs_at_recovery_call = self.recovery_calls + call
        self._in_a_thread(RECOVERY, lambda: self.recover({}))
        self.hangs_at_recovery_call = None
        self._sweep_hangs = True
        self.after_states(states, World.stop)

    def tell_recovery(self) -> None:
        """The event that tells of the execution's end comes (again)."""
        with self.aside():
            self.recover(self.status_event())

    def upload_again(self) -> None:
        """The event of the upload comes again."""
        with self.aside():
            self.receive(self.upload_event)

    def older_upload(self) -> None:
        """The event of the upload before comes only now."""
        with self.aside(another=True):
            self.late_runs.append(self.aws.finish(self.receive(self.older_event)))

    def start_again(self, name: str | None) -> Run:
        """The same execution again, or the same request under another name."""
        request = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=self.arn)["input"])
        with self.aside(another=True), self.aws.acting(None, immune=True):
            mine = name or self.arn.rpartition(":")[2]
            started = executions.start(self.aws.machine_arn(), mine, request)
            if started == self.arn:
                return Run(started, "", [], {}, None, "", "", [])
            return self.aws.finish(started)

    # The deployer, driven.

    def upload(self, source: str, settings: dict[str, Any]) -> None:
        """An artifact and its settings, and S3's event about it."""
        boto3.client("s3").put_object(
            Bucket=BUCKET, Key=f"functions/{FUNCTION}/deployment.json", Body=json.dumps(settings).encode()
        )
        self.older_event, self.upload_event = (
            self._uploaded(zip_of(GOOD % 0), "00"),
            self._uploaded(zip_of(source) if source else b"no zip", "01"),
        )
        uploaded = self.upload_event["detail"]["object"]
        self.artifact = {"bucket": BUCKET, "key": uploaded["key"], "version_id": uploaded["version-id"]}

    def _uploaded(self, body: bytes, sequencer: str) -> dict[str, Any]:
        key = f"functions/{FUNCTION}/new.zip"
        version = boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
        return {
            "id": "event",
            "detail": {
                "bucket": {"name": BUCKET},
                "object": {"key": key, "version-id": version, "sequencer": sequencer},
                "requester": "a person",
            },
        }

    def receive(self, event: dict[str, Any]) -> str:
        """Lambda gives an event three chances."""
        arn: str = self._asynchronously(TRIGGER, receive_upload.handler, event)["execution"]
        return arn

    def recover(self, event: dict[str, Any]) -> bool:
        """RecoverDeployments, once; whether it said that all went well."""
        with self.aws.acting(RECOVERY):
            try:
                recover_deployments.handler({"id": "event", **event}, self._context(RECOVERY))
            except Exception:
                return False
            except (HandlerKilled, HandlerTimedOut):
                return False
        return True

    def _asynchronously(self, name: str, handler: Handler, event: dict[str, Any]) -> Any:
        for patience in (60, 120, 0):
            with self.aws.acting(name):
                try:
                    return handler(event, self._context(name))
                except (Exception, HandlerKilled, HandlerTimedOut) as error:
                    last = error
            self.aws.clock.sleep(patience)
        raise RuntimeError("three attempts failed") from last

    def _context(self, name: str) -> Context:
        return Context(name, "$LATEST", f"arn:aws:lambda:{REGION}:{DEFAULT_ACCOUNT_ID}:function:{name}")

    def status_event(self) -> dict[str, Any]:
        """What EventBridge says of the execution."""
        described = boto3.client("stepfunctions").describe_execution(executionArn=self.arn)
        return {
            "detail-type": "Step Functions Execution Status Change",
            "detail": {
                "executionArn": self.arn,
                "name": self.arn.rpartition(":")[2],
                "status": described["status"],
                "stateMachineArn": described["stateMachineArn"],
            },
        }

    def deploy(self) -> Run | None:
        """The deployment under test, from the upload's event to the execution's end; None if none was started."""
        self._gate.clear()
        self.arn = executions.arn_of(self.aws.machine_arn(), self._name())
        try:
            self.receive(self.upload_event)
        except Exception:
            return None
        finally:
            self._gate.set()
        run = self.aws.finish(self.arn)
        if self._sweep_hangs:
            self.resume()
        return run

    def redeploy(self, source: str | None, traffic: Any) -> Run:
        """The next deployment of the function, undisturbed."""
        with self.aside(another=True):
            artifact = self.deployer.upload(source, "next.zip") if source else self.artifact
            health = {"period_seconds": 30, "delay_seconds": 0}
            request = {"function": FUNCTION, "artifact": artifact, "traffic": traffic, "health": health}
            arn = self.aws.start(request)
            return self.aws.finish(arn)

    def _name(self) -> str:
        return Upload.read(self.upload_event["detail"]).execution_name

    # What the table says.

    def record_of(self, arn: str) -> dict[str, str] | None:
        """The record of an execution's deployment."""
        with self.aws.acting(None, immune=True):
            answer = boto3.client("dynamodb").get_item(
                TableName=TABLE,
                Key={"pk": {"S": f"deployment#{arn.rpartition(':')[2]}"}, "sk": {"S": "record"}},
                ConsistentRead=True,
            )
        item = answer.get("Item")
        return {name: value["S"] for name, value in item.items() if "S" in value} if item else None

    def is_calm(self) -> bool:
        """No lock is held, no record is open, and nobody is still to be told anything."""
        items = self.deployer.items("")
        locks = [item for item in items if str(item["pk"]).startswith("lock#")]
        live = [item for item in items if item["sk"] == "record" and item["state"] in ("open", "undoing")]
        untold = [item for item in items if item.get("kind") == "untold"]
        return not locks and not live and not untold

    # The seams.

    def watch(self, call: Call, attempt: Callable[[], Any]) -> Any:
        """Every attempt of every handler passes here."""
        if call.state is None:
            return attempt()
        if call.service == CONTROL_PLANE and call.operation != "Invoke":
            self.calls += 1
        changes = call.operation not in READS
        if changes:
            self.user_calls()

        def written_down() -> Any:
            with self.written_down(ANOTHER if self._another else call.state or ""):
                answer = attempt()
            self._see_whether_whole()
            if changes:
                self.user_calls()
            return answer

        if self._busy:
            return written_down()
        self._count(call)
        for injection in self.injections:
            if injection.meets(call):
                return injection.inject(self, call, written_down)
        return written_down()

    def _count(self, call: Call) -> None:
        key = (call.state or "", call.operation)
        self._counts[key] += 1
        self.trace.append(Place(*key, self._counts[key]))
        if call.state == RECOVERY:
            self.recovery_calls += 1
            if self.recovery_calls == self.resume_at_recovery_call:
                self.resume()
            if self.recovery_calls == self.hangs_at_recovery_call:
                self.park()

    def _see_whether_whole(self) -> None:
        if self.stopped_at_call is not None and self.whole_after_calls is None and not self.route()[1]:
            self.whole_after_calls = self.calls - self.stopped_at_call

    def at_state(self, arn: str, state: str, moment: Moment) -> None:
        """Every state of every execution passes here."""
        if arn != self.arn or self._busy:
            if self._next_hook is not None:
                self._next_hook(state, moment)
            return
        self._gate.wait(30)
        if moment == "entered":
            self._visits[state] += 1
            self.visits.append(Place(state, "", self._visits[state]))
            self._do_what_is_due()
        for due in list(self.at_states):
            if (due.state, due.nth, due.moment) == (state, self._visits[state], moment):
                due.met += 1
                due.do(self)

    def after_states(self, number: int, do: Callable[["World"], object]) -> None:
        """Something happens as the execution enters the state that is so many ahead."""
        self._soon = number, do

    def _do_what_is_due(self) -> None:
        if self._soon is None:
            return
        ahead, do = self._soon
        self._soon = (ahead - 1, do) if ahead > 1 else None
        if ahead == 1:
            do(self)

    @contextmanager
    def in_the_next_deployment(self, do: Callable[[str, Moment], None]) -> Iterator[None]:
        """The hook sees the states of the deployment that follows."""
        self._next_hook = do
        try:
            yield
        finally:
            self._next_hook = None

    def handlers(self) -> dict[str, Handler]:
        """The real ones, each behind a seam."""
        return {name: self._seam(name.removesuffix("Function"), real) for name, real in handlers_of().items()}

    def _seam(self, state: str, real: Handler) -> Handler:
        def handler(event: Any, context: Any) -> Any:
            if self._busy:
                return real(event, context)
            due = next((due for due in self.in_handlers if due.is_due(state)), None)
            with self._skewed(due.skew_seconds) if due else nullcontext():
                if due and due.error and due.when == "before":
                    raise lost(due.error)
                answer = self._beside(state, real, event, context) if state in self.zombies_in else real(event, context)
                if due and due.error:
                    raise lost(due.error)
                return answer

        return handler

    @contextmanager
    def _skewed(self, seconds: float) -> Iterator[None]:
        def now() -> float:
            return self.aws.clock.now() + seconds

        with mock.patch.object(handlers_clock, "now", now):
            yield

    # Handlers that outlive their execution.

    def _beside(self, state: str, real: Handler, event: Any, context: Any) -> Any:
        box: dict[str, Any] = {}

        def body() -> None:
            with self.aws.acting(state):
                try:
                    box["answer"] = real(event, context)
                except BaseException as error:
                    box["error"] = error

        thread = self._in_a_thread(state, body)
        if any(parked.thread is thread for parked in self.parked):
            raise lost("Lambda.SdkClientException")
        if "error" in box:
            raise box["error"]
        return box["answer"]

    def _in_a_thread(self, name: str, do: Callable[[], object]) -> threading.Thread:
        """Until it is done, or parked."""
        over = threading.Event()

        def body() -> None:
            do()
            over.set()

        thread = threading.Thread(target=body, daemon=True)
        self._waiting_for[id(thread)] = over
        thread.start()
        assert over.wait(60), f"{name} does not end"
        return thread

    def park(self) -> None:
        """The handler that calls this hangs here until `resume`; whoever waits for it is told that it is lost."""
        thread = threading.current_thread()
        parked = Parked(thread)
        self.parked.append(parked)
        over = self._waiting_for.get(id(thread))
        assert over is not None, "only a handler that runs beside can be parked"
        over.set()
        assert parked.resume.wait(120), "nobody resumed a parked handler"
        if parked.killed:
            raise HandlerKilled

    def resume(self, *, killed: bool = False) -> bool:
        """What is left of the parked handlers' work happens now; False if there is none."""
        waiting = [parked for parked in self.parked if not parked.resume.is_set()]
        for parked in waiting:
            parked.killed = killed
            parked.resume.set()
            with self.aside():
                parked.thread.join(60)
        return bool(waiting)


@cache
def _client(service_name: str, region_name: str | None = None, **options: Any) -> Any:
    return _real_client(service_name, region_name, **options)


@cache
def _resource(service_name: str, **options: Any) -> Any:
    return _real_resource(service_name, **options)


@cache
def _signing_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _signed_by_one(_: Subscription) -> Any:
    """Moto makes a key for every subscription, which takes as long as ten calls."""
    return _signing_key()


_real_client: Any = boto3.client
_real_resource: Any = boto3.resource


@contextmanager
def a_world(**options: Any) -> Iterator[World]:
    """A world of its own, with users."""
    world = World()
    logger.setLevel("CRITICAL")
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(boto3, "client", _client))
        stack.enter_context(mock.patch.object(boto3, "resource", _resource))
        stack.enter_context(mock.patch.object(Subscription, "private_key", _signed_by_one))
        stack.enter_context(mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": REGION}))
        deployer = stack.enter_context(installed(world.handlers(), update_seconds=UPDATE_SECONDS, **options))
        world.begin(deployer)
        stack.enter_context(world.aws.watched(world.watch))
        stack.enter_context(world.aws.at_states(world.at_state))
        try:
            yield world
        finally:
            world.resume(killed=True)
