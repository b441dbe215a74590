"""Request limits as AWS has them: token buckets for each account, Region and operation.

buckets    a bucket, and how it fills
published  the limits that AWS publishes
limits     which buckets a call takes tokens from
settings   reading `throttling` of the estate and of the control API
control    `/_embedded/throttling`
"""
