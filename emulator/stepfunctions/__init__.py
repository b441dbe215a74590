"""Step Functions."""
def install():
    pass
