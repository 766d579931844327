"""How many runs one transaction moves: more than the settings say while nobody waits, fewer while somebody does."""

from __future__ import annotations

LONG = 0.007  # seconds a transaction may hold the database while others wait for it
GROWTH = 1.03  # a batch: whoever waited soon comes again, and should not meet a long one; alone, it takes seconds
ALONE = 2.5  # times the setting: a run costs a tenth less so, and still larger batches gain nothing
LEAST = 250  # below this a transaction costs more than what it moves


class Batches:
    """Learns from each batch. A slow disk or a busy machine makes them shorter, for an event waits for one to end."""

    def __init__(self) -> None:
        self._share = ALONE

    def size(self, setting: int) -> int:
        """The rows of the next batch."""
        return max(min(LEAST, setting), int(setting * self._share))

    def learn(self, held: float, wanted: bool) -> None:
        """`held`: seconds the last batch took; `wanted`: another writer waited for its end."""
        if not wanted:
            self._share = min(ALONE, self._share * GROWTH)
        elif held > LONG:
            self._share = max(self._share * LONG / held, 0.05)
