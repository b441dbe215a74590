"""The native recovery plans of DRS: ordered steps that recover servers or wait, and their executions.

state     what is remembered
lookup    ARNs → plans, executions and their steps
contents  what a step may hold
tokens    client tokens
progress  how an execution goes on
render    state → answers
"""
