"""Faults on demand, by rule: what goes wrong, for whom, when and how often. The schema is described in README.md.

rules      a rule, and whether it strikes
schema     reading a rule, every mistake with one clear error
registry   the rules that are set
calls      what a fault does to an API call
unprocessed  a batch of DynamoDB of which only a part is done
named      which source servers a call is about
commands   `python -m emulator faults`
"""
