"""The files of the emulator that change moto, each with a test that fails without the change.

    python -m tests.emulator.conformance.patches [FILE…]

leaves one file's changes out at a time, runs its test, and tells which tests pass all the same: minutes, not for CI.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.embedded import ROOT

EMULATOR = ROOT / "emulator"
_DRS, _EC2, _ENGINE = "tests/emulator/drs/", "tests/emulator/ec2/", "tests/emulator/engine/"

PROOFS = {
    "automation/service.py": _ENGINE + "test_automations.py::test_a_client_token_starts_one_automation",
    "drs/service_quotas.py": _DRS + "test_quotas.py::test_service_quotas_tells_the_same_numbers",
    "drs/sources.py": _DRS + "test_replication.py::test_the_agent_is_not_seen_while_its_instance_is_down",
    "ec2/addresses.py": _EC2 + "test_addresses.py::test_addresses_that_ec2_refuses",
    "ec2/identifiers.py": _EC2 + "test_instances.py::test_identifiers_follow_from_the_scope_and_the_order_in_it",
    "ec2/instances.py": _EC2 + "test_instances.py::test_an_instance_profile_that_does_not_exist_is_refused",
    "ec2/launch_templates.py": _EC2
    + "test_launch_templates.py::test_a_version_inherits_the_keys_that_it_does_not_replace",
    "ec2/lookups.py": _EC2 + "test_addresses.py::test_secondary_addresses_are_held_too_and_found_by_the_filter",
    "ec2/offerings.py": _EC2 + "test_instances.py::test_offerings_are_found_by_zone_and_with_wildcards",
    "ec2/status.py": _EC2 + "test_addresses.py::test_status_checks_take_their_time_after_each_start",
    "ec2/terminated.py": _EC2 + "test_instances.py::test_a_terminated_instance_is_forgotten_after_an_hour",
    "ec2/volumes.py": _EC2 + "test_instances.py::test_volumes_have_the_performance_that_was_asked_for",
    "events/rules.py": _DRS + "test_events.py::test_functions_state_machines_topics_and_logs_are_targets",
    "gaps/dynamodb.py": _ENGINE + "test_server.py::test_a_table_has_an_id",
    "gaps/dynamodb_encryption.py": _ENGINE + "test_dynamodb.py::test_the_encryption_of_a_table_is_changed_later",
    "gaps/dynamodb_requests.py": _ENGINE + "test_dynamodb.py::test_batches_are_limited_and_name_a_key_once",
    "gaps/kms.py": _DRS + "test_extended.py::test_a_key_policy_names_principals_that_exist",
    "gaps/managed_policies.py": _ENGINE + "test_server.py::test_start_status_stop",
    "gaps/sqs.py": _ENGINE + "test_tasks.py::test_a_consumer_that_polls_does_not_hold_time",
    "gaps/sts.py": "tests/emulator/conformance/test_sts.py::test_a_role_that_does_not_exist_is_not_assumed",
    "lambda_runner/networks.py": _ENGINE + "test_machines.py::test_interfaces_of_functions_come_and_go_with_them",
    "lambda_runner/service.py": _ENGINE + "test_functions.py::test_an_error_keeps_the_name_of_its_class",
    "lambda_runner/settings.py": _ENGINE + "test_functions.py::test_functions_that_cannot_be",
    "moto_dispatch.py": _ENGINE + "test_server.py::test_start_status_stop",
    "moto_time.py": "tests/emulator/conformance/test_time.py::test_a_role_is_as_old_as_the_clock_says",
    "run_command/responses.py": _ENGINE + "test_machines.py::test_a_command_runs_on_agents_and_ends_as_declared",
    "stepfunctions/api.py": _ENGINE + "test_stepfunctions_api.py::test_lists_are_newest_first_filtered_and_paged",
    "stepfunctions/branches.py": _ENGINE
    + "test_limits.py::test_a_branch_that_waits_for_a_human_is_aborted_when_its_sibling_fails",
    "stepfunctions/children.py": _ENGINE + "test_tasks.py::test_a_child_hands_its_output_to_its_parent",
    "stepfunctions/choices.py": _ENGINE + "test_limits.py::test_a_choice_without_a_match",
    "stepfunctions/clients.py": _ENGINE + "test_tasks.py::test_services_are_called_by_pascal_case_names",
    "stepfunctions/definitions.py": _ENGINE + "test_stepfunctions_api.py::test_wrong_definitions_are_found_and_refused",
    "stepfunctions/durations.py": _ENGINE + "test_limits.py::test_timeouts_and_heartbeats_by_expressions",
    "stepfunctions/error_names.py": _ENGINE + "test_limits.py::test_fail_states_may_use_names_of_aws",
    "stepfunctions/executions.py": _ENGINE
    + "test_stepfunctions_api.py::test_the_same_request_again_joins_the_running_execution",
    "stepfunctions/json_path.py": _ENGINE + "test_state_machines.py::test_paths_of_json_path_select_values_and_lists",
    "stepfunctions/jsonata.py": _ENGINE + "test_state_machines.py::test_variables_choice_context_and_output",
    "stepfunctions/limits.py": _ENGINE + "test_limits.py::test_an_output_is_measured_in_bytes_of_utf_8_not_of_ascii",
    "stepfunctions/logs.py": _ENGINE + "test_stepfunctions_api.py::test_executions_are_logged_to_their_group",
    "stepfunctions/lost_answers.py": _ENGINE
    + "test_faults.py::test_a_state_machine_can_catch_a_call_without_an_answer",
    "stepfunctions/machines.py": _ENGINE
    + "test_stepfunctions_api.py::test_a_role_or_log_group_that_does_not_exist_is_refused",
    "stepfunctions/moments.py": _ENGINE + "test_state_machines.py::test_waits_in_sequence_take_their_sum",
    "stepfunctions/progress.py": _ENGINE
    + "test_redrive.py::test_a_failed_task_is_run_again_with_its_input_its_variables_and_fresh_retries",
    "stepfunctions/redrive.py": _ENGINE
    + "test_redrive.py::test_a_failed_task_is_run_again_with_its_input_its_variables_and_fresh_retries",
    "stepfunctions/roles.py": _ENGINE
    + "test_iam.py::test_a_task_with_credentials_calls_as_a_role_that_its_machine_may_assume",
    "stepfunctions/sdk_names.py": _ENGINE + "test_tasks.py::test_services_are_called_by_pascal_case_names",
    "stepfunctions/tags.py": _ENGINE + "test_stepfunctions_api.py::test_tags_of_machines",
    "stepfunctions/threads.py": _ENGINE + "test_state_machines.py::test_waits_in_sequence_take_their_sum",
    "stepfunctions/tokens.py": _ENGINE + "test_tasks.py::test_a_token_is_answered_once",
    "stepfunctions/variables.py": _ENGINE
    + "test_limits.py::test_variables_are_limited_and_are_seen_from_the_next_state_on",
}
"""File of a patch → the test that fails without it."""

FOR_SPEED_ONLY = {"gaps/managed_policies.py", "moto_dispatch.py"}
"""Files that change no answer: their tests tell that nothing breaks, the benchmarks tell what they save."""

_LEAVE_OUT = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import emulator.completion as completion

def leave_out(do):
    def changed(owner, /, **attributes):
        if not sys._getframe(1).f_code.co_filename.endswith("emulator/" + os.environ["WITHOUT_PATCH"]):
            do(owner, **attributes)
    return changed

completion.replace, completion.add = leave_out(completion.replace), leave_out(completion.add)
"""


def patched_files() -> dict[str, ast.Module]:
    """Return the files that replace or add attributes of moto, parsed."""
    found = {}
    for path in sorted(EMULATOR.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if any((node.module or "").split(".")[-1] == "completion" for node in imports):
            found[path.relative_to(EMULATOR).as_posix()] = tree
    return found


def passes_without(name: str) -> bool:
    """Run the test of a file while the emulator leaves the file's changes out."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(_LEAVE_OUT, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=60", PROOFS[name]],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": folder, "WITHOUT_PATCH": name},
            capture_output=True,
            check=False,
        )
    return done.returncode == 0


if __name__ == "__main__":
    for file in sys.argv[1:] or sorted(set(PROOFS) - FOR_SPEED_ONLY):
        sys.stdout.write(f"{file}: {'PASSES WITHOUT IT' if passes_without(file) else 'fails without it'}\n")
        sys.stdout.flush()
