"""What runs on machines, as far as others notice it: ports that answer, the Systems Manager agent, commands.

software    what an estate or a test declares of a machine
reach       whether a function reaches a port of an instance: network, security groups, state, what listens there
relay       plays the machines to the functions that connect to them
"""
