"""
Why a deployment stops.

Step Functions sees an error by its class name, so these names are part of the
state machine: rename one here and its Retry or Catch no longer matches.

    DeploymentError
      InvalidRequest        the request can never succeed; nothing was touched
      Frozen                a freeze is in force for the function; nothing was touched
      DeploymentInProgress  another execution deploys to this alias now; nothing was touched
        UploadWaits         it is an upload, which starts by itself when that deployment is over
      DeploymentInterrupted an execution that has ended left its deployment; it is recovered first
      NotTheHolder          the event does not come from the execution that holds the lock
      UpdateFailed          Lambda could not make ready what it was given
      SmokeTestFailed       the new code failed a smoke test before it got traffic
      GreenUnhealthy        green failed under traffic
      Aborted               a person ordered it to be undone
      PausedTooLong         a person paused it, and no other order came before the pause's limit
      HookFailed            a hook of the request did not say that the deployment may go on
      ApprovalRefused       a person refused the next shift
      ApprovalTimedOut      no person approved the next shift in time
      NotApproved           a shift was to be made that no person has approved
      AliasMoved            someone else moved the alias meanwhile
      LatestMoved           someone else changed $LATEST meanwhile
      DeploymentOver        it is being undone, or has ended, while a handler still ran
      FunctionsFailed       more functions of a release failed than it tolerates
      ReleaseUnhealthy      the evidence of all functions of a release together speaks against it
      RollbackImpossible    blue cannot be put back without an operator
      StillInProgress       Lambda is not ready yet; worth another look
      AwsUnavailable        AWS could not answer now; worth a retry
      AwsRefused            AWS answered no, and will again
        AccessDenied          the function's role lacks a permission
          Untagged            the user's function has lost the tag without which no role of ours may touch it
        NotFound              what we asked for is not there
          FunctionGone        the user's function is not there
        PreconditionFailed    it changed since we read it
"""

from typing import Any

from bluegreen.text import plain


class DeploymentError(Exception):
    """
    Anything that ends a deployment early: its text is what people read, `evidence` goes into the record.

    The text may have foreign parts, and is made plain: Lambda must be able to answer it, and Step Functions cuts a
    cause at 32,768 characters, JSON and trace included.
    """

    def __init__(self, text: str, evidence: dict[str, Any] | None = None) -> None:
        super().__init__(plain(text))
        self.evidence = evidence or {}


class InvalidRequest(DeploymentError):
    """The text names each wrong field and what to write instead."""


class Frozen(DeploymentError):
    """The text says until when the function is frozen, why and by whom, and how the freeze is overridden."""


class DeploymentInProgress(DeploymentError):
    """The alias's lock is held by an execution that still runs."""


class UploadWaits(DeploymentInProgress):
    """The request is an upload; it is kept, and starts under another execution's name when the lock is free."""


class DeploymentInterrupted(DeploymentError):
    """The alias's lock is held by an execution that has ended without ending its deployment."""


class NotTheHolder(DeploymentError):
    """The event names no execution that runs, or carries no proof of the deployment that it names."""


class UpdateFailed(DeploymentError):
    """Lambda says that State or LastUpdateStatus is Failed, or that provisioned concurrency could not be allocated."""


class SmokeTestFailed(DeploymentError):
    """The text names the case and the fields that differ; the audit has their values."""


class GreenUnhealthy(DeploymentError):
    """The text has the verdict's reason, the alarm that went off, or the probe that green failed."""


class Aborted(DeploymentError):
    """The text names who ordered it, and why."""


class PausedTooLong(DeploymentError):
    """The text names who paused it, and why."""


class HookFailed(DeploymentError):
    """The text names the hook, and has its reason or what was wrong with its answer."""


class ApprovalRefused(DeploymentError):
    """The text says who refused, and why."""


class ApprovalTimedOut(DeploymentError):
    """The text says how long the deployment waited, and for what."""


class NotApproved(DeploymentError):
    """The execution came to ShiftAlias although the ledger has no approval of that shift."""


class AliasMoved(DeploymentError):
    """The alias is not as the last step left it."""


class LatestMoved(DeploymentError):
    """$LATEST is neither what it was when the deployment opened nor what it deploys."""


class DeploymentOver(DeploymentError):
    """The record is no longer open, so nothing may be changed any more."""


class FunctionsFailed(DeploymentError):
    """The text names the functions of the release that failed, and why each did."""


class ReleaseUnhealthy(DeploymentError):
    """The text has the odds of all functions together, and the function that carries most of the evidence."""


class RollbackImpossible(DeploymentError):
    """The text holds the command that an operator must run."""


class StillInProgress(DeploymentError):
    """Lambda or S3 has not finished: 409, a version is Pending, or an alias still moves. The state is retried."""


class AwsUnavailable(DeploymentError):
    """A throttle, a 5xx or a broken connection; the call may or may not have worked. Or its turn came too late."""


class AwsRefused(DeploymentError):
    """Any other answer of AWS that is an error."""


class AccessDenied(AwsRefused):
    """The role may not; the text is AWS's, which names role and action."""


class Untagged(AccessDenied):
    """The text is AWS's, then names the tag and the commands that set it."""


class NotFound(AwsRefused):
    """A function, version, alias or object that does not exist."""


class FunctionGone(NotFound):
    """Of a function without a tag IAM refuses every read, so this is known by ListTags alone."""


class PreconditionFailed(AwsRefused):
    """A RevisionId or CodeSha256 that we named is no longer current, or S3 has an object that must not exist yet."""
