"""Execution history in CloudWatch Logs, as JSON lines of the log group that the state machine names.

moto hands objects instead of text to its Logs backend, which refuses them silently.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.eval.event.logging import CloudWatchLoggingSession
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from emulator.clock import CLOCK
from emulator.completion import replace


def _publish(self: Any, history_log: dict[str, Any]) -> None:
    configuration, logs = self.configuration, self._logs_client
    if configuration.log_group_name not in logs.groups:
        return
    logs.ensure_log_stream(configuration.log_group_name, configuration.log_stream_name)
    timestamp = int(CLOCK.now().timestamp() * 1000)
    event = {"timestamp": timestamp, "message": to_json_str({**history_log, "event_timestamp": str(timestamp)})}
    logs.put_log_events(configuration.log_group_name, configuration.log_stream_name, [event])


def install() -> None:
    """Write history to its log group; a group that does not exist (any more) gets nothing, as in AWS."""
    replace(CloudWatchLoggingSession, publish_history_log=_publish)
