"""Lambda, Step Functions and what stands around them: topics, queues, rules, logs, parameters, quotas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.iam.request import Need, Request, pass_role, tags_of

_FUNCTION_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}
_FUNCTION_LISTS = frozenset({"ListFunctions", "ListLayers", "GetAccountSettings", "ListEventSourceMappings"})
_STATES_LISTS = frozenset({"ListStateMachines", "ListActivities", "ValidateStateMachineDefinition", "TestState"})
_STATES_ARNS = ("stateMachineArn", "executionArn", "resourceArn", "activityArn", "mapRunArn", "stateMachineAliasArn")
_TASKS = frozenset({"SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"})
_QUEUE_ACTIONS = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}
_PARAMETERS = (
    "GetParameter",
    "GetParameters",
    "PutParameter",
    "DeleteParameter",
    "DeleteParameters",
    "GetParametersByPath",
)


def functions(request: Request) -> list[Need]:
    """Lambda: a function by its name or ARN, from the path."""
    operation, body = request.operation, request.json
    action = f"lambda:{_FUNCTION_ACTIONS.get(operation, operation)}"
    tags = tags_of(body.get("Tags")) if operation != "Invoke" else None
    if operation == "CreateFunction":
        arn = _function(request, str(body.get("FunctionName")))
        tagging = [Need("lambda:TagResource", arn, tags=tags)] if tags else []
        return [Need(action, arn, tags=tags), *tagging, *pass_role(request.text("Role"), "lambda.amazonaws.com")]
    path = request.path
    if "tags" in path:
        keys = tags_of([value for name, value in request.pairs if name == "tagKeys"])
        return [Need(action, path[-1], tags=tags or keys)]
    if "functions" in path and path[path.index("functions") + 1 :][:1] not in ([], [""]):
        need = Need(action, _function(request, path[path.index("functions") + 1]), tags=tags)
        if operation == "UpdateFunctionConfiguration":
            return [need, *pass_role(request.text("Role"), "lambda.amazonaws.com")]
        return [need]
    return [Need(action, "*" if operation in _FUNCTION_LISTS else None)]


def _function(request: Request, name: str) -> str:
    if name.startswith("arn:"):
        return name
    return request.arn("lambda", f"function:{name.rsplit(':function:', 1)[-1]}")


def states(request: Request) -> list[Need]:
    """Step Functions: the machine or the execution that a call names."""
    operation, body = request.operation, request.json
    action = f"states:{operation}"
    if operation in _TASKS or operation in _STATES_LISTS:
        return [Need(action)]
    tags = tags_of(body.get("tags") or body.get("tagKeys"))
    name = request.text("name")
    if operation in ("CreateStateMachine", "CreateActivity"):
        kind = "stateMachine" if operation == "CreateStateMachine" else "activity"
        arn = request.arn("states", f"{kind}:{name}")
        tagging = [Need("states:TagResource", arn, tags=tags)] if tags else []
        return [Need(action, arn, tags=tags), *tagging, *pass_role(request.text("roleArn"), "states.amazonaws.com")]
    resource = next((request.text(key) for key in _STATES_ARNS if request.text(key)), None)
    role = request.text("roleArn") if operation == "UpdateStateMachine" else None
    return [Need(action, resource, tags=tags), *pass_role(role, "states.amazonaws.com")]


def sns(request: Request) -> list[Need]:
    """SNS: a topic, or a telephone number, which is no resource."""
    form, operation = request.form, request.operation
    action = f"sns:{'Publish' if operation == 'PublishBatch' else operation}"
    tags = request.form_tags()
    if operation == "CreateTopic":
        return [Need(action, request.arn("sns", form.get("Name", "")), tags=tags)]
    names = ("TopicArn", "TargetArn", "ResourceArn", "SubscriptionArn")
    resource = next((form[name] for name in names if form.get(name)), "*")
    if "SubscriptionArn" in form:
        resource = resource.rsplit(":", 1)[0]
    return [Need(action, resource, tags=tags)]


def sqs(request: Request) -> list[Need]:
    """SQS: the queue of the URL or of the name."""
    operation, url = request.operation, request.text("QueueUrl") or request.form.get("QueueUrl")
    action = f"sqs:{_QUEUE_ACTIONS.get(operation, operation)}"
    name = url.rstrip("/").rsplit("/", 1)[-1] if url else request.text("QueueName") or request.form.get("QueueName")
    if name is None:
        return [Need(action, "*" if operation == "ListQueues" else None)]
    return [Need(action, request.arn("sqs", name), tags=tags_of(request.json.get("tags")))]


def events(request: Request) -> list[Need]:
    """EventBridge: a rule of a bus, or the bus."""
    operation, body = request.operation, request.json
    action = f"events:{operation}"
    if operation == "PutEvents":
        return [Need(action, bus) for bus in sorted(set(_buses(request)))]
    rule = request.text("Rule") or (request.text("Name") if operation.endswith("Rule") else None)
    if rule is None:
        return [Need(action, request.text("ResourceARN") or ("*" if operation.startswith("List") else None))]
    bus = (request.text("EventBusName") or "default").rsplit("/", 1)[-1]
    name = rule if bus == "default" else f"{bus}/{rule}"
    own = Need(action, request.arn("events", f"rule/{name}"), tags=tags_of(body.get("Tags")))
    roles = {item["RoleArn"] for item in _list(body.get("Targets")) if isinstance(item, dict) and item.get("RoleArn")}
    return [own, *(need for role in sorted(roles) for need in pass_role(role, "events.amazonaws.com"))]


def _buses(request: Request) -> Iterator[str]:
    for entry in _list(request.json.get("Entries")):
        name = entry.get("EventBusName") or "default" if isinstance(entry, dict) else "default"
        yield name if name.startswith("arn:") else request.arn("events", f"event-bus/{name}")


def logs(request: Request) -> list[Need]:
    """CloudWatch Logs: a log group, or a stream in it."""
    body = request.json
    tags = tags_of(body.get("tags"))
    name = request.text("logGroupName") or request.text("logGroupIdentifier")
    if name is None:
        resource = request.text("resourceArn") or request.arn("logs", "log-group:*")
        return [Need(f"logs:{request.operation}", resource, tags=tags)]
    group = name if name.startswith("arn:") else request.arn("logs", f"log-group:{name}")
    return [Need(f"logs:{request.operation}", f"{group}:log-stream:{body.get('logStreamName', '')}", tags=tags)]


def ssm(request: Request) -> list[Need]:
    """Systems Manager: parameters, documents, automations, and instances that a command runs on."""
    operation, body = request.operation, request.json
    action = f"ssm:{operation}"
    if operation in _PARAMETERS:
        names = [str(item) for item in [*_list(body.get("Names")), body.get("Name"), body.get("Path")] if item]
        tags = tags_of(body.get("Tags"))
        return [Need(action, request.arn("ssm", f"parameter/{name.lstrip('/')}"), tags=tags) for name in names]
    document = request.text("DocumentName") or request.text("Name")
    if operation == "StartAutomationExecution":
        return [Need(action, _definition(request, str(document)))]
    if operation in ("GetAutomationExecution", "StopAutomationExecution"):
        return [Need(action, request.arn("ssm", f"automation-execution/{request.text('AutomationExecutionId')}"))]
    if operation == "SendCommand":
        needs = [Need(action, request.arn("ec2", f"instance/{item}")) for item in _list(body.get("InstanceIds"))]
        return [Need(action, _document(request, str(document))), *needs]
    if document and "Document" in operation:
        return [Need(action, _document(request, document))]
    return [Need(action, "*" if operation.startswith(("Describe", "List")) else None)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _definition(request: Request, name: str) -> str:
    version = request.text("DocumentVersion") or "$DEFAULT"
    document = _document(request, name).replace(":document/", ":automation-definition/")
    return f"{document}:{version}"


def _document(request: Request, name: str) -> str:
    if name.startswith("arn:"):
        return name
    owned_by_aws = name.startswith(("AWS-", "AWSDRS-", "AWSMigration-"))
    return request.arn("ssm", f"document/{name}", account=not owned_by_aws)


def quotas(request: Request) -> list[Need]:
    """Service Quotas: reading names no resource."""
    read = request.operation.startswith(("Get", "List"))
    service, code = request.text("ServiceCode"), request.text("QuotaCode")
    return [
        Need(f"servicequotas:{request.operation}", "*" if read else request.arn("servicequotas", f"{service}/{code}"))
    ]
