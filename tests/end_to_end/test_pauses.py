"""A run that fails beyond its policy asks a person, and each answer does what it says."""

from __future__ import annotations

import pytest

from .conftest import House

pytestmark = pytest.mark.xdist_group("house")

CASES = {
    # decision: (server that fails, one that does not, status of the run, exit status is 0, status of the first server)
    "retry": ("pay-db-1.example.internal", "pay-web-2.example.internal", "succeeded", True, "validated"),
    "skip": ("pay-db-2.example.internal", "pay-web-3.example.internal", "succeeded_with_failures", True, "skipped"),
    "continue": ("wh-app-3.example.internal", "wh-web-2.example.internal", "succeeded_with_failures", True, "failed"),
    "abort": ("crm-db-2.example.internal", "pay-app-3.example.internal", "aborted", False, "failed"),
}


@pytest.mark.parametrize("decision", CASES)
def test_a_failed_server_pauses_the_run_until_a_decision(house: House, small_plan, decision: str) -> None:
    server, other, status, succeeds, server_status = CASES[decision]
    run = f"paused-{decision}"
    plan = small_plan(f"pause-{decision}", [server, other])
    house.break_launch(server, times=1)
    process = house.start("failover", dr_plan=plan["name"], dr_run_id=run, dr_plans=[plan])
    pause = house.wait_for_pause(run, process)
    assert server in str(pause["reason"]) + str(pause["details"])
    assert house.meta(run)["status"] == "waiting"

    house.play("decide", dr_run=run, dr_decision=decision, dr_reason="as rehearsed")
    output, _ = process.communicate(timeout=120)

    assert (process.returncode == 0) is succeeds, output
    assert house.meta(run)["status"] == status
    assert {item["server_key"]: item["status"] for item in house.items(run, "SERVER")}[server] == server_status
    answered = house.items(run, "PAUSE")[0]
    assert (answered["status"], answered["decision"]) == ("answered", decision)
    assert answered["decision_reason"] == "as rehearsed"
    assert ":user/dr-operator" in answered["decided_by"]
    assert answered["task_token"] not in output
    refused = house.play("decide", succeeds=False, dr_run=run, dr_decision="retry", dr_reason="too late")
    assert "waits for no decision" in refused.output


def test_the_notice_says_what_to_do_and_holds_no_token(house: House, small_plan) -> None:
    sqs, sns = house.aws.client("sqs"), house.aws.client("sns")
    queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = next(t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith("-notices"))
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    server = "pay-app-1.example.internal"
    plan = small_plan("notice", [server])
    house.break_launch(server, times=1)
    process = house.start("failover", dr_plan="notice", dr_run_id="noticed", dr_plans=[plan])
    try:
        pause = house.wait_for_pause("noticed", process)
        bodies = "".join(
            message["Body"]
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)["Messages"]
        )
        for text in ("noticed", server, "disaster_recovery.aws.decide", "dr_decision", "abort", "retry"):
            assert text in bodies, text
        assert pause["task_token"] not in bodies
    finally:
        house.play("decide", dr_run="noticed", dr_decision="abort", dr_reason="seen")
        process.communicate(timeout=120)
        sns.unsubscribe(SubscriptionArn=subscription)


def test_nobody_answers_and_the_default_is_taken(house: House, small_plan) -> None:
    server = "pay-app-2.example.internal"
    plan = small_plan("deadline", [server, "pay-app-4.example.internal"], decision={"timeout": 3600, "default": "skip"})
    house.break_launch(server, times=1)
    process = house.start("failover", dr_plan="deadline", dr_run_id="expired", dr_plans=[plan])
    house.wait_for_pause("expired", process)
    house.aws.control("clock", {"advance": 3601})
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    pause = house.items("expired", "PAUSE")[0]
    assert (pause["status"], pause["decision"]) == ("expired", "skip")
    assert house.meta("expired")["status"] == "succeeded_with_failures"
