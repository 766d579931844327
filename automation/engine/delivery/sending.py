"""Handing one request to a channel: told to the spool before and after, and never an exception."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from automation.kernel.ports import Channel, Outcome, Unknown

from .prepared import Prepared
from .record import Result
from .spool import Spool

log = logging.getLogger(__name__)


def requests(group: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
    """A group of one channel in pieces of one lane, each at most what the lane takes at once."""
    start = 0
    while start < len(group):
        lane = group[start].lane
        end = start + 1
        while end < len(group) and end - start < lane.batch and group[end].lane is lane:
            end += 1
        yield group[start:end]
        start = end


def send(channels: Mapping[str, Channel], spool: Spool, request: Sequence[Prepared]) -> list[Result]:
    """One outcome for each message of one request. What a channel breaks is unknown, never lost."""
    refs = [(one.id, one.token) for one in request]
    channel = channels[request[0].door.channel]
    spool.started(refs, _names(channel, request))
    answers = _answers(channel, request)
    try:
        spool.answered(list(zip(refs, answers, strict=True)))
    except OSError as error:  # the answers are here all the same, and the database may have room for them
        log.error("the spool cannot take %d answers: %s", len(answers), error.strerror or type(error).__name__)
    return [Result(one, answer) for one, answer in zip(request, answers, strict=True)]


def _names(channel: Channel, request: Sequence[Prepared]) -> Sequence[str]:
    """Empty where every message is known by its key."""
    tell = getattr(channel, "names", None)
    if tell is None:
        return ()
    try:
        names: Sequence[str] = tell([one.message for one in request])
    except Exception as error:  # the request itself is none the worse for it
        log.error("channel %s raised %s when asked for names", channel.name, type(error).__name__)
        return ()
    return names if len(names) == len(request) and any(names) else ()


def _answers(channel: Channel, request: Sequence[Prepared]) -> Sequence[Outcome]:
    try:
        answers = channel.send([one.message for one in request])
    except Exception as error:
        # A programming error of the channel: bytes may have left, and its text may quote the message.
        log.error("channel %s raised %s; its messages count as unknown", channel.name, type(error).__name__)
        return [Unknown(f"raised {type(error).__name__}")] * len(request)
    if len(answers) != len(request):
        log.error("channel %s gave %d answers to %d messages", channel.name, len(answers), len(request))
        return [Unknown("wrong number of answers")] * len(request)
    return answers
