"""What the sandbox server's answers mean, in the words all channels share."""

from __future__ import annotations

from automation.kernel.ports import Accepted, Denied, Outcome, Reason, Unknown
from bots import http

_PERMANENT = {Reason.BAD_ADDRESS, Reason.NOT_REACHABLE, Reason.BAD_CONTENT}


def of_reply(reply: http.Reply, count: int) -> list[Outcome]:
    """One outcome for each of the `count` messages of a request."""
    if reply.status == 200:
        return _of_results(reply, count)
    return [http.refusal(reply)] * count


def _of_results(reply: http.Reply, count: int) -> list[Outcome]:
    try:
        answer = reply.json()
    except ValueError:
        return [Unknown("garbage")] * count
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != count:
        return [Unknown("garbage")] * count
    return [_of_result(result) for result in results]


def _of_result(result: object) -> Outcome:
    if isinstance(result, dict):
        provider_id, error = result.get("id"), result.get("error")
        if isinstance(provider_id, str) and error is None:
            return Accepted(provider_id)
        if isinstance(error, str) and error in set(Reason):
            wait = result.get("retry_after")
            reason = Reason(error)
            return Denied(reason, error, reason in _PERMANENT, wait if isinstance(wait, int) else None)
    return Unknown("garbage")
