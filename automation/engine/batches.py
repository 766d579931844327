"""How many runs one transaction moves: as many as the settings say, fewer while somebody waits and they last long."""

from __future__ import annotations

LONG = 0.007  # seconds a transaction may hold the database while others wait for it
GROWTH = 1.03  # a batch: whoever waited soon comes again, and should not meet a long one; alone, it takes a second
LEAST = 250  # below this a transaction costs more than what it moves


class Batches:
    """Learns from each batch. A slow disk or a busy machine makes them shorter, for an event waits for one to end."""

    def __init__(self) -> None:
        self._share = 1.0

    def size(self, most: int) -> int:
        """The rows of the next batch, at most `most`."""
        return max(min(LEAST, most), int(most * self._share))

    def learn(self, held: float, wanted: bool) -> None:
        """`held`: seconds the last batch took; `wanted`: another writer waited for its end."""
        if not wanted:
            self._share = min(1.0, self._share * GROWTH)
        elif held > LONG:
            self._share = max(self._share * LONG / held, 0.05)
