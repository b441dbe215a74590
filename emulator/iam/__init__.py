"""IAM's evaluation: who may call what. Policies are stored by moto; here they are read and enforced.

`patterns`, `context`, `conditions` and `policies` evaluate and know nothing of moto. `services` says which permissions
a call needs, `identities` and `trust` whose policies count, `enforcement` decides, `denials` answers, `usage` records.
"""
