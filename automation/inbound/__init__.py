"""What comes back, recorded: what happened becomes rows once, whatever how often and in what order it is told.

A hook or a puller of a channel says what happened (kernel/hooks.py); here it finds its person, and what follows from it
happens in one transaction: events for journeys, consent taken back, windows opened, addresses gone and back, reports on
messages. Nothing is answered to a provider before that transaction is committed.
"""
