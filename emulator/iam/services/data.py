"""DynamoDB and S3."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.iam.request import Need, Request, tags_of

_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_WITHOUT_TABLE = frozenset(
    {"ListTables", "ListBackups", "ListGlobalTables", "ListExports", "ListImports", "DescribeLimits"}
)
_S3_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}


def dynamodb(request: Request) -> list[Need]:
    """DynamoDB: a transaction needs the actions of its parts, a batch its own."""
    operation, body = request.operation, request.json
    if operation in ("TransactWriteItems", "TransactGetItems"):
        return _transaction(request)
    if operation in ("BatchGetItem", "BatchWriteItem"):
        items = body.get("RequestItems")
        tables = items if isinstance(items, dict) else {}
        return [Need(f"dynamodb:{operation}", _table(request, name)) for name in tables]
    tags = tags_of(body.get("Tags") or body.get("TagKeys"))
    name = request.text("TableName")
    if name is None:
        resource = request.text("ResourceArn") or ("*" if operation in _WITHOUT_TABLE else None)
        return [Need(f"dynamodb:{operation}", resource, tags=tags)]
    table = _table(request, name)
    index = request.text("IndexName")
    own = Need(f"dynamodb:{operation}", f"{table}/index/{index}" if index else table, tags=tags)
    if operation == "CreateTable" and tags:
        return [own, Need("dynamodb:TagResource", table, tags=tags)]
    return [own]


def _transaction(request: Request) -> list[Need]:
    found = {}
    items = request.json.get("TransactItems")
    for item in items if isinstance(items, list) else []:
        for kind, part in item.items() if isinstance(item, dict) else ():
            table = part.get("TableName") if isinstance(part, dict) else None
            need = Need(f"dynamodb:{_TRANSACTION.get(kind, 'GetItem')}", _table(request, str(table)))
            found[(need.action, need.resource)] = need
    return list(found.values())


def _table(request: Request, name: str) -> str:
    return name if name.startswith("arn:") else request.arn("dynamodb", f"table/{name}")


def s3(request: Request) -> list[Need]:
    """S3, with buckets in the path; objects are resources of their own."""
    action = _S3_ACTIONS.get(request.operation, request.operation)
    bucket, key = request.path[0], "/".join(request.path[1:])
    if not bucket:
        return [Need(f"s3:{action}")]
    needs = [Need(f"s3:{action}", resource) for resource in _s3_resources(request, bucket, key)]
    source = request.header("x-amz-copy-source")
    if source:
        needs.append(Need("s3:GetObject", _s3(source.lstrip("/").split("?")[0])))
    return needs


def _s3_resources(request: Request, bucket: str, key: str) -> Iterator[str]:
    if request.operation == "DeleteObjects":
        yield from (_s3(f"{bucket}/{name}") for name in request.xml_texts("Key"))
    else:
        yield _s3(f"{bucket}/{key}" if key else bucket)


def _s3(resource: str) -> str:
    return f"arn:aws:s3:::{resource}"
