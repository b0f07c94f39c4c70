"""What the gateway itself says for a service: its codes and words, in one record a service; no wire form's bytes.

A code is the one of the query form; where an error goes out as JSON or CBOR, ``protocol/error_types.py`` renames it.

Source: "Common Errors" of the services' API references; "Error codes" of the Amazon EC2 API Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.auth.refusals import Refusal
from gateway.protocol import ec2
from gateway.protocol.form import shown
from gateway.request import Request
from gateway.validation import Failure, Naming, lower_first, sentence
from translators.errors import AWSError


def _invalid(failures: list[Failure]) -> AWSError:
    return AWSError("ValidationError", sentence(failures))


def _unknown_action(action: str, version: str) -> AWSError:
    return AWSError("InvalidAction", f"Could not find operation {shown(action)} for version {shown(version)}")


def _unanswered(service: str, action: str) -> AWSError:
    return AWSError("InvalidAction", f"The action {action} is not supported by Coppice for the service {service}.")


def _no_users(service: str, action: str) -> AWSError:
    refused = _unanswered(service, action)
    if not any(noun in action for noun in ("User", "AccessKey", "LoginProfile", "Group")):
        return refused
    where = "Users and their keys are the cloud's own: openstack ec2 credentials create makes an access key."
    return AWSError(refused.code, f"{refused.message} {where}")


def _denied(words: str) -> AWSError:
    return AWSError("AccessDenied", words, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A service's codes and words for what the gateway refuses before a handler is asked.

    Attributes:
        invalid: constraints of the input that were not met; the list is not empty.
        refused: a request that nobody is known to have signed.
        unknown_action: an operation (and the version of the API) that the service does not have.
        unanswered: an operation (of a service) that the service has and Coppice does not answer.
        denied: a caller who may not do it, with the words that say who and what.
        throttled: code, words and status for too many requests.
        internal: the code of a fault of ours.
        versioned: whether one version of the API is taken and no other.
        naming: how a member is named in a sentence about it.
        element: what stands between a list's name and a member of its element in such a sentence.
        actions: the service in names of actions (``elasticloadbalancing:DescribeLoadBalancers``); empty: botocore's.
        namespace: what stands before the name of an error of the service's own in JSON and CBOR.
        located: input members that the request's path says, where the content does not.
        names: code of the query form -> name in JSON and CBOR, of errors that botocore's model does not have.
        query_codes: error shape -> code in the query form, where botocore's model does not tell it.
    """

    invalid: Callable[[list[Failure]], AWSError] = _invalid
    refused: Callable[[Refusal], AWSError] = lambda refusal: refusal
    unknown_action: Callable[[str, str], AWSError] = _unknown_action
    unanswered: Callable[[str, str], AWSError] = _unanswered
    denied: Callable[[str], AWSError] = _denied
    throttled: tuple[str, str, int] = ("Throttling", "Rate exceeded", 400)
    internal: str = "InternalFailure"
    versioned: bool = True
    naming: Naming = lower_first
    element: str = ".member"
    actions: str = ""
    namespace: str = ""
    located: Callable[[Request], Mapping[str, str]] = lambda _: {}
    names: Mapping[str, str] = field(default_factory=dict)
    query_codes: Mapping[str, str] = field(default_factory=dict)


# EC2 names some lists that are missing by a name of its own that no model tells. Source: conformance/recorded.
_EC2_SETS: Final = {"ResourceId": "resourceIdSet"}


def _ec2_invalid(failures: list[Failure]) -> AWSError:
    missing = next((failure for failure in failures if failure.is_missing), None)
    if missing is not None:
        named = _EC2_SETS.get(missing.path, missing.path)
        return AWSError("MissingParameter", f"The request must contain the parameter {named}")
    failure = failures[0]
    name = next(part for part in reversed(failure.path.split(".")) if not part.isdigit())
    parameter = name[0].lower() + name[1:]
    return AWSError(
        "InvalidParameterValue",
        f"Value ({failure.shown}) for parameter {parameter} is invalid. {failure.expectation}.",
    )


def _ec2_denied(words: str) -> AWSError:
    return AWSError("UnauthorizedOperation", f"You are not authorized to perform this operation. {words}", 403)


def _sqs_invalid(failures: list[Failure]) -> AWSError:
    """Source: conformance/recorded; that a value is of no kind that could be is said in the manner of the rest."""
    missing = next((failure for failure in failures if failure.is_missing), None)
    if missing is not None:
        return AWSError("MissingParameter", f"The request must contain the parameter {missing.path}.")
    failure = failures[0]
    words = f"Value {failure.shown} for parameter {failure.path} is invalid. Reason: {failure.expectation}."
    return AWSError("InvalidParameterValue", words)


def _sns_invalid(failures: list[Failure]) -> AWSError:
    """Source: conformance/recorded."""
    missing = next((failure for failure in failures if failure.is_missing), None)
    if missing is not None:
        return AWSError(
            "InvalidParameter", f"Invalid parameter: {missing.path} Reason: no value for required parameter"
        )
    failure = failures[0]
    return AWSError("InvalidParameter", f"Invalid parameter: {failure.path} Reason: {failure.expectation}")


def _queue_url(request: Request) -> Mapping[str, str]:
    """Clients may take a queue's URL for the endpoint, and some then say nowhere else which queue they mean."""
    return {"QueueUrl": request.path} if request.path.strip("/").count("/") == 1 else {}


_COMMON: Final = Dialect()
_BALANCING: Final = Dialect(actions="elasticloadbalancing")
_SQS: Final = "AWS.SimpleQueueService."

_DIALECTS: Final[Mapping[str, Dialect]] = {
    "ec2": Dialect(
        invalid=_ec2_invalid,
        refused=lambda refusal: refusal.ec2,
        unknown_action=lambda action, _version: AWSError(
            "InvalidAction", f"The action {shown(action)} is not valid for this web service."
        ),
        # Terraform's provider goes on without what is refused in these words, and in no others.
        unanswered=lambda _service, action: AWSError(
            "InvalidAction", f"The action {action} is not valid for this web service: it is not supported by Coppice."
        ),
        denied=_ec2_denied,
        throttled=("RequestLimitExceeded", "Request limit exceeded.", 503),
        internal="InternalError",
        versioned=False,  # every older version is taken; the models hold the newest
        naming=ec2.member_name,
        element="",
    ),
    "elb": _BALANCING,
    "elbv2": _BALANCING,
    "iam": Dialect(unanswered=_no_users),
    # Source: recorded answers of CloudWatch in JSON and CBOR.
    "cloudwatch": Dialect(namespace="com.amazonaws.cloudwatch.v2010_08_01#"),
    "sns": Dialect(invalid=_sns_invalid, naming=lambda _, name: name),
    # Source: recorded answers of SQS in JSON.
    "sqs": Dialect(
        namespace="com.amazonaws.sqs#",
        invalid=_sqs_invalid,
        naming=lambda _, name: name,
        located=_queue_url,
        names={
            "InvalidParameterValue": "InvalidParameterValueException",
            "MissingParameter": "MissingRequiredParameterException",
        },
        query_codes={
            "BatchEntryIdsNotDistinct": f"{_SQS}BatchEntryIdsNotDistinct",
            "BatchRequestTooLong": f"{_SQS}BatchRequestTooLong",
            "EmptyBatchRequest": f"{_SQS}EmptyBatchRequest",
            "InvalidBatchEntryId": f"{_SQS}InvalidBatchEntryId",
            "MessageNotInflight": f"{_SQS}MessageNotInflight",
            "PurgeQueueInProgress": f"{_SQS}PurgeQueueInProgress",
            "QueueDeletedRecently": f"{_SQS}QueueDeletedRecently",
            "QueueDoesNotExist": f"{_SQS}NonExistentQueue",
            "QueueNameExists": "QueueAlreadyExists",
            "TooManyEntriesInBatchRequest": f"{_SQS}TooManyEntriesInBatchRequest",
            "UnsupportedOperation": f"{_SQS}UnsupportedOperation",
        },
    ),
}

NAMES: Final = tuple(_DIALECTS)
"""The services that have a dialect of their own."""


def of(service: str) -> Dialect:
    """The dialect of a service, by botocore's name; that of most services where it has none of its own."""
    return _DIALECTS.get(service, _COMMON)
