"""The entries that come by the clock: who is in a segment, has a day, or is meant by a festival or a schedule.

Each kind finds its people on a read-only connection and hands them over in slices, so that no write lock is ever held
for a look over the whole base.
"""
