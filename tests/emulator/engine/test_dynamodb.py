"""DynamoDB under racing writers, and its limits (facts 2.4; API_BatchWriteItem, API_TransactWriteItems)."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.embedded import EmbeddedAws

TABLE = "ledger"
WRITERS = 4
ACCOUNTS = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def tables(embedded: EmbeddedAws) -> Any:
    client = embedded.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    return client


def own_client(embedded: EmbeddedAws) -> Any:
    """Return a client that shares nothing with others, as a writer in another process."""
    return embedded.client("dynamodb", config=Config(retries={"total_max_attempts": 1}, read_timeout=60))


def key(name: object) -> dict[str, Any]:
    return {"pk": {"S": str(name)}}


def error_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def add(name: str, amount: int, **fields: Any) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": TABLE,
            "Key": key(name),
            "UpdateExpression": "ADD balance :n",
            "ExpressionAttributeValues": {":n": {"N": str(amount)}, **fields.pop("values", {})},
            **fields,
        }
    }


def test_a_versioned_item_has_one_winner_per_version(embedded: EmbeddedAws, tables: Any) -> None:
    """Optimistic locking by ConditionExpression: each version is written by exactly one of the racing writers."""
    tables.put_item(TableName=TABLE, Item={**key("versioned"), "version": {"N": "0"}})

    def write(writer: int) -> list[int]:
        client, won = own_client(embedded), []
        while True:
            item = client.get_item(TableName=TABLE, Key=key("versioned"), ConsistentRead=True)["Item"]
            version = int(item["version"]["N"])
            if version == 20:
                return won
            try:
                client.put_item(
                    TableName=TABLE,
                    Item={**key("versioned"), "version": {"N": str(version + 1)}, "by": {"N": str(writer)}},
                    ConditionExpression="version = :seen",
                    ExpressionAttributeValues={":seen": item["version"]},
                )
                won.append(version)
            except client.exceptions.ConditionalCheckFailedException:
                continue

    with ThreadPoolExecutor(WRITERS) as pool:
        won = list(pool.map(write, range(WRITERS)))
    assert sorted(itertools.chain(*won)) == list(range(20))


def test_racing_transactions_that_cross_items_keep_the_sum(embedded: EmbeddedAws, tables: Any) -> None:
    """Transfers between four items: nobody ever sees a half transfer, no balance falls below zero, no money is lost."""
    for name in ACCOUNTS:
        tables.put_item(TableName=TABLE, Item={**key(name), "balance": {"N": "10"}})
    gets = [{"Get": {"TableName": TABLE, "Key": key(name)}} for name in ACCOUNTS]

    def balances(client: Any) -> list[int]:
        answers = client.transact_get_items(TransactItems=gets)["Responses"]
        return [int(answer["Item"]["balance"]["N"]) for answer in answers]

    def transfer(writer: int) -> tuple[int, list[list[dict[str, Any]]], list[list[int]]]:
        client, dice = own_client(embedded), random.Random(writer)
        done, refused, seen = 0, [], []
        for _ in range(25):
            payer, payee = dice.sample(ACCOUNTS, 2)
            amount = dice.randint(1, 9)
            pay = add(payer, -amount, ConditionExpression="balance >= :least", values={":least": {"N": str(amount)}})
            log = {"Put": {"TableName": TABLE, "Item": key(f"log-{writer}-{done + len(refused)}")}}
            try:
                client.transact_write_items(TransactItems=[log, add(payee, amount), pay])
                done += 1
            except client.exceptions.TransactionCanceledException as error:
                refused.append(error.response["CancellationReasons"])
            seen.append(balances(client))
        return done, refused, seen

    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(transfer, range(WRITERS)))
    for _, _, seen in results:
        assert all(sum(state) == 40 and min(state) >= 0 for state in seen)
    reasons = [[reason["Code"] for reason in reasons] for _, refused, _ in results for reasons in refused]
    assert reasons
    assert all(codes == ["None", "None", "ConditionalCheckFailed"] for codes in reasons)
    logs = tables.scan(
        TableName=TABLE, FilterExpression="begins_with(pk, :l)", ExpressionAttributeValues={":l": {"S": "log-"}}
    )
    assert logs["Count"] == sum(done for done, _, _ in results)


def test_a_failed_condition_returns_the_item_when_asked(tables: Any) -> None:
    tables.put_item(TableName=TABLE, Item={**key("held"), "by": {"S": "me"}})
    with pytest.raises(ClientError) as error:
        tables.put_item(
            TableName=TABLE,
            Item=key("held"),
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert error.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert error.value.response["Item"] == {**key("held"), "by": {"S": "me"}}


def test_batches_are_limited_and_name_a_key_once(tables: Any) -> None:
    def put(name: object, **attributes: Any) -> dict[str, Any]:
        return {"PutRequest": {"Item": {**key(name), **attributes}}}

    def write(*requests: dict[str, Any]) -> Any:
        return tables.batch_write_item(RequestItems={TABLE: list(requests)})

    assert write(*[put(number) for number in range(25)])["UnprocessedItems"] == {}
    assert error_of(lambda: write(*[put(f"many-{number}") for number in range(26)]))[0] == "ValidationException"
    assert "Item" not in tables.get_item(TableName=TABLE, Key=key("many-0"))
    for pair in (
        (put("twice"), {"DeleteRequest": {"Key": key("twice")}}),
        (put("twice"), put("twice", other={"S": "x"})),
    ):
        assert error_of(lambda pair=pair: write(*pair)) == (
            "ValidationException",
            "Provided list of item keys contains duplicates",
        )
    large = put("large", x={"S": "x" * 400 * 1024})
    assert error_of(lambda: write(put("before-large"), large))[0] == "ValidationException"
    assert "Item" not in tables.get_item(TableName=TABLE, Key=key("before-large"))
    gets = {TABLE: {"Keys": [key(number) for number in range(101)]}}
    assert error_of(lambda: tables.batch_get_item(RequestItems=gets))[0] == "ValidationException"


def test_items_and_transactions_are_limited(tables: Any) -> None:
    def write(*items: dict[str, Any]) -> Any:
        return tables.transact_write_items(TransactItems=list(items))

    def put(name: object, size: int = 0) -> dict[str, Any]:
        return {"Put": {"TableName": TABLE, "Item": {**key(name), "x": {"S": "x" * size}}}}

    large = {**key("large"), "x": {"S": "x" * 400 * 1024}}
    for call in (
        lambda: tables.put_item(TableName=TABLE, Item=large),
        lambda: write(put("large", 400 * 1024)),
        lambda: write(*[put(f"action-{number}") for number in range(101)]),
        lambda: write(put("same"), {"Delete": {"TableName": TABLE, "Key": key("same")}}),
        lambda: write(*[put(f"heavy-{number}", 300_000) for number in range(15)]),
    ):
        assert error_of(call)[0] == "ValidationException"
    for name in ("large", "action-0", "same", "heavy-0"):
        assert "Item" not in tables.get_item(TableName=TABLE, Key=key(name))


def test_a_transaction_with_a_token_is_done_once_in_ten_minutes(embedded: EmbeddedAws, tables: Any) -> None:
    def send(amount: int) -> Any:
        return tables.transact_write_items(TransactItems=[add("once", amount)], ClientRequestToken="token")

    def balance() -> int:
        return int(tables.get_item(TableName=TABLE, Key=key("once"))["Item"]["balance"]["N"])

    send(5)
    send(5)
    assert balance() == 5
    assert error_of(lambda: send(6))[0] == "IdempotentParameterMismatchException"
    embedded.control("clock", {"advance": 601})
    send(6)
    assert balance() == 11


def test_the_encryption_of_a_table_is_changed_later(embedded: EmbeddedAws, tables: Any) -> None:
    def encryption(**specification: Any) -> dict[str, Any]:
        tables.update_table(TableName=TABLE, SSESpecification=specification)
        described: dict[str, Any] = tables.describe_table(TableName=TABLE)["Table"].get("SSEDescription", {})
        return described

    keys = embedded.client("kms")
    own = keys.create_key()["KeyMetadata"]
    aws = encryption(Enabled=True, SSEType="KMS")
    assert (aws["Status"], aws["SSEType"]) == ("ENABLED", "KMS")
    assert aws["KMSMasterKeyArn"] == keys.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"]
    assert encryption(Enabled=True, KMSMasterKeyId=own["KeyId"])["KMSMasterKeyArn"] == own["Arn"]
    code, message = error_of(lambda: encryption(Enabled=True, KMSMasterKeyId="alias/nobody"))
    assert (code, "alias/nobody does not exist" in message) == ("ValidationException", True)
    assert encryption(Enabled=False) == {}
