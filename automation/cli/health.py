"""What `doctor` looks at: each look is a function that says what it found, so that one broken part hides no other."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from automation.engine import opening
from automation.engine.delivery import gathered, lanes
from automation.festivals import feasts, lunar, walltime
from automation.inbound import welcome
from automation.journey import graph, project
from automation.journey.rules import RULES
from automation.kernel import errors, options
from automation.kernel.ports import Reason
from automation.people import keyring, resealing, sealing
from automation.policy import stop
from automation.rewards import pools
from automation.runtime import leader, sealed
from automation.store.states import EffectState, MessageState

from . import keys, show
from .session import Session

MB: Final = 1024 * 1024
DAY: Final = 86_400  # seconds
GIVEN_UP: Final = f"""
    SELECT kind, ref, count(*), max(error) FROM effect WHERE state = {EffectState.FAILED} AND at > :since
    GROUP BY kind, ref ORDER BY kind, ref"""
WEEK: Final = 7 * DAY
LOW_DISK: Final = 64 * MB  # less, and the engine may be unable to record what it sent
LARGE_WAL: Final = 256 * MB
LATE: Final = 300  # seconds something due may wait before a running engine is called behind
SOON: Final = timedelta(days=60)
YEAR: Final = timedelta(days=400)  # a lunar year with a leap month, and some days


class Level(StrEnum):
    FINE = "ok"
    NOTE = "note"  # may become a problem
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Look:
    """`about`: the part looked at. `says`: what was found and, unless it is fine, what to do."""

    level: Level
    about: str
    says: str


Looks = Iterator[Look]


def look(session: Session) -> Looks:
    """Everything in turn. What cannot be looked at is a problem of its own."""
    try:
        _ = session.settings
    except errors.LuchengError as error:
        yield Look(Level.PROBLEM, "settings", str(error))
        return
    yield Look(Level.FINE, "settings", str(session.config))
    told = set[str]()
    for about, one in LOOKS.items():
        try:
            yield from one(session)
        except errors.SourceErrors as wrong:  # of a file that several parts need
            path = wrong.problems[0].path
            if path not in told:
                told.add(path)
                yield Look(Level.PROBLEM, path, str(wrong))
        except errors.LuchengError as error:
            yield Look(Level.PROBLEM, about, str(error))


def _key(session: Session) -> Looks:
    path = session.settings.key.file
    ring = session.app.keyring  # says what is wrong with the file
    if session.settings.key.value is not None:
        yield Look(Level.FINE, "key", "from the environment; keep a copy apart from the database")
    else:
        mode = stat.S_IMODE(path.stat().st_mode)
        yield Look(Level.FINE, "key", f"{path}, mode {mode:03o}; keep a copy apart from the database and its backups")
    if not sealing.fits(session.app.store, sealing.Vault(ring)):
        yield Look(
            Level.PROBLEM, "key", "it does not open the contacts of this database: restore the one it began with"
        )
    yield from _older_keys(session, ring)


def _older_keys(session: Session, ring: keyring.Keyring) -> Looks:
    """While there is more than one key: what the old ones still have to open."""
    if len(ring.data) < 2:
        return
    counts = resealing.keys_of(session.app.store, sealed.PLACES)
    if missing := sorted(set(counts) - set(ring.data)):
        locked = sum(counts[one] for one in missing)
        says = f"{show.told(locked, 'value', 'needs', 'need')} key {missing[0]}, which is not in the key file"
        yield Look(Level.PROBLEM, "key", f"{says}: put it back")
    for number in sorted(set(ring.data) - {ring.newest}):
        if counts[number]:
            says = f"{show.told(counts[number], 'value', 'is', 'are')} still sealed with key {number}"
            yield Look(Level.NOTE, "key", f"{says}: `run.py keys reseal`")
        elif number != ring.lasting:
            settled = keys.settled_at(session.app.store)
            since = f" from {show.moment(settled, session.settings.shop.zone)}" if settled > session.now else ""
            yield Look(Level.NOTE, "key", f"key {number} opens nothing any more: `run.py keys retire {number}`{since}")


def _database(session: Session) -> Looks:
    store = session.app.store
    if store.path is None:
        yield Look(Level.FINE, "database", f"PostgreSQL {store.value('SHOW server_version')}")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if store.value(f"SHOW {setting}") == "off":
                says = f"{setting} is off: a crash loses what was confirmed, and messages are sent twice: turn it on"
                yield Look(Level.PROBLEM, "database", says)
        return
    said = store.value("PRAGMA quick_check(1)")
    if said != "ok":
        yield Look(Level.PROBLEM, "database", "the file is damaged: stop the engine and restore the last backup")
    else:
        size = store.path.stat().st_size
        yield Look(
            Level.FINE,
            "database",
            f"{store.path}, {size / MB:.1f} MB, quick check ok, SQLite {store.value('SELECT sqlite_version()')}",
        )
    wal = store.path.with_name(f"{store.path.name}-wal")
    length = wal.stat().st_size if wal.exists() else 0
    level = Level.NOTE if length > LARGE_WAL else Level.FINE
    yield Look(
        level,
        "write-ahead log",
        f"{length / MB:.1f} MB" + ("; something reads for long" if level is Level.NOTE else ""),
    )
    free = shutil.disk_usage(store.path.parent).free
    level = Level.PROBLEM if free < LOW_DISK else Level.FINE
    yield Look(
        level,
        "disk",
        f"{free / MB:,.0f} MB free" + ("; free some before the engine must stop" if free < LOW_DISK else ""),
    )


def _engine(session: Session) -> Looks:
    store = session.app.store
    running = leader.is_led(store)
    if running:
        yield Look(Level.FINE, "engine", "running")
    else:
        yield Look(Level.NOTE, "engine", f"not running: `run.py start`{_stood(session)}")
    if stop.is_on(store):
        yield Look(Level.PROBLEM, "stop switch", "on: no message leaves until `run.py resume-all`")
    yield from _backlog(session, running)


def _stood(session: Session) -> str:
    """Since when nobody moved, where that is long ago, as after a demo: whoever starts it does all that is due."""
    last = session.app.store.value(LAST_MOVED)
    if last is None or session.now - last <= WEEK:
        return ""
    day = show.moment(last, session.settings.shop.zone)[:10]
    return (
        f" catches up at once: nobody moved since {day}, {_long(session.now - last)} ago, or a demo's year ended then"
    )


def _backlog(session: Session, running: bool) -> Looks:
    store, now = session.app.store, session.now
    for about, sql in BACKLOGS.items():
        count, oldest = store.row(sql, now=now) or (0, None)
        late = now - int(oldest) if count and oldest is not None else 0
        level = Level.PROBLEM if running and late > LATE else Level.NOTE if late > LATE else Level.FINE
        behind = f", the oldest {_long(late)} late" if late > LATE else ""
        yield Look(level, about, f"{count:,}{behind}")


def _long(seconds: int) -> str:
    """In the unit that a person would say it in."""
    for unit, size in (("day", DAY), ("hour", 3600)):
        if seconds >= 2 * size:
            return show.counted(seconds // size, unit)
    return show.counted(seconds // 60, "minute")


LAST_MOVED: Final = (
    f"SELECT max(at) FROM (SELECT max(done) AS at FROM cursor WHERE zone_id <> {opening.RESUMED} UNION ALL"
    " SELECT * FROM (SELECT entered_at FROM run ORDER BY id DESC LIMIT 1) AS newest) AS moved"
)
BACKLOGS: Final = {
    "events in the queue": "SELECT count(*), min(e.received_at) FROM event_queue q JOIN event e ON e.id = q.event_id"
    " WHERE e.received_at <= :now",
    "people due": "SELECT count(*), min(due) FROM run WHERE due <= :now",
    "people in line to enter": "SELECT count(*), CAST(NULL AS BIGINT) FROM entrant WHERE at <= :now",
    "messages due": "SELECT count(*), min(due) FROM message WHERE due <= :now",
}


def _outside(session: Session) -> Looks:
    """Real accounts with an address for customers and callbacks that nobody outside this machine can open."""
    settings = session.settings
    url = settings.web.public_url
    if url is None or not options.is_loopback(urlsplit(url).hostname or ""):
        return
    real = [name for name in session.app.hooks if _is_real(settings.channels[name])]
    if real:
        says = f"leads to this machine only, so links of customers and callbacks of {', '.join(real)} go nowhere"
        yield Look(Level.PROBLEM, "web.public_url", f"{says}: write the https address that the world knows")


def _is_real(channel: Any) -> bool:
    """Whether it speaks to a platform, and not to a sandbox or relay on this machine."""
    if hasattr(channel, "sandbox"):
        return channel.sandbox is None
    return not options.is_loopback(getattr(channel, "host", "127.0.0.1"))


def _held(session: Session) -> Looks:
    store = session.app.store
    stuck = store.value("SELECT count(*) FROM stuck")
    if stuck:
        why = store.value("SELECT error FROM stuck ORDER BY at DESC LIMIT 1")
        yield Look(
            Level.PROBLEM,
            "stuck people",
            f"{show.people_do(stuck, 'was', 'were')} set aside, the last because: {why}; `run.py journeys retry`",
        )
    unclear = store.value(f"SELECT count(*) FROM message WHERE state = {MessageState.AMBIGUOUS}")
    if unclear:
        hint = "`run.py messages list --state ambiguous`, then `messages resolve`"
        yield Look(
            Level.PROBLEM, "unclear messages", f"{show.counted(unclear, 'message')} may have left or not: {hint}"
        )
    awaiting = store.value(f"SELECT count(*) FROM message WHERE state = {MessageState.AWAITING}")
    gathering = sum(one.messages for one in gathered.groups(session.app.parts, session.app.channels))
    if gathering:
        says = f"gathered until your word: {show.counted(gathering, 'message')}; `run.py wechat mass list`"
        yield Look(Level.NOTE, "mass messages", says)
    awaiting -= gathering
    if awaiting:
        says = f"for an employee to send in WeCom: {show.counted(awaiting, 'message')}"
        yield Look(Level.NOTE, "awaiting employees", f"{says}; `run.py messages list --state awaiting`")
    if not stuck and not unclear:
        yield Look(Level.FINE, "held", "nobody is stuck, no message is unclear")
    for (channel, state), count in sorted(welcome.states(store, session.now - DAY).items()):
        if state in (welcome.MISSED, welcome.UNCLEAR, welcome.REFUSED):
            yield Look(Level.NOTE, f"welcomes of {channel}", f"{count:,} of the last day: {state}; the log says why")


def _channels(session: Session) -> Looks:
    for one in lanes.of(session.app.store, session.settings, session.app.channels, session.now):
        known = session.settings.channels[one.name]
        says = f"{known.kind}, in_flight {known.in_flight}, on its way {one.on_its_way}"
        if one.budget is not None:
            says += f", {one.budget.used:,} of {one.budget.limit:,} today"
        if one.resting:
            after = f"after {show.counted(one.failures, 'failure')} ({one.error})"
            says += f"; it rests{_until(session, one.rests_until)} {after}"
        yield Look(Level.PROBLEM if one.resting else Level.FINE, f"channel {one.name}", says)
        for lane in one.lanes:
            yield from _lane(session, one.name, lane)
    if not session.settings.channels:
        yield Look(Level.PROBLEM, "channels", "none is configured: nothing can be sent")


def _until(session: Session, at: int | None) -> str:
    """How long a channel rests; after that one message is tried, and only when it arrives the others follow."""
    return ", one message is tried now," if at is None else f" until {show.moment(at, session.settings.shop.zone)}"


def _lane(session: Session, channel: str, lane: lanes.LaneState) -> Looks:
    about = f"channel {channel}, lane {lane.name}"
    if lane.rests_until is not None:
        until = show.moment(lane.rests_until, session.settings.shop.zone)
        alarm = lane.why.startswith(Reason.NOT_ALLOWED)
        hint = "; the provider refuses our account: `run.py channels check`" if alarm else ""
        yield Look(Level.PROBLEM if alarm else Level.NOTE, about, f"rests until {until} ({lane.why}){hint}")
    elif lane.budget is not None and not lane.budget.left:
        yield Look(Level.NOTE, about, f"used up: {show.counted(lane.budget.limit, 'message')} of the day")


def _files(session: Session) -> Looks:
    found = session.app.project
    broken: dict[str, list[str]] = {}
    for problem in found.problems:
        broken.setdefault(problem.path, []).append(problem.code)
    for path, codes in broken.items():
        name = path.rsplit("/", 1)[-1].removesuffix(".yaml")
        kept = "; its last good version runs on" if session.app.parts.registry.by_name(name) else ""
        yield Look(
            Level.PROBLEM, path, f"{show.counted(len(codes), 'problem')} ({', '.join(sorted(set(codes)))}){kept}:"
            " `run.py check`"
        )  # fmt: skip
    yield from _unreadable(session)
    try:
        session.app.require_files()
    except errors.Refused as why:
        yield Look(Level.PROBLEM, "files", str(why))
        return
    if not broken:
        read = f"{show.counted(len(found.journeys), 'journey')}, {show.counted(len(found.texts.texts), 'text')}"
        yield Look(Level.FINE, "files", f"{read}, no problems")
    for pool in found.coupons.values():
        left = pools.left(session.app.store, pool.name)
        if pool.imported and left <= pool.low_stock:
            hint = f"`run.py import coupons {pool.name} FILE`"
            yield Look(Level.NOTE, f"coupons {pool.name}", f"{show.counted(left, 'code')} left: {hint}")


def _unreadable(session: Session) -> Looks:
    """Journeys with a version that cannot do without what the files no longer say."""
    store, registry = session.app.store, session.app.parts.registry
    if not registry.unreadable:
        return
    numbers = ", ".join(map(str, sorted(registry.unreadable)))
    reserved = {f"{name}.yaml" for name in project.RESERVED}
    kept = ""
    if leader.is_led(store) and any(one.path.rsplit("/", 1)[-1] in reserved for one in session.app.project.problems):
        kept = "; the engine that runs goes on with what it read before, until it is started anew"
    for name, live, inside in store.rows(UNREADABLE.format(numbers=numbers)):
        nobody = "nobody enters it, " if live else ""
        says = f"it cannot be read with the files as they are: {nobody}{inside:,} inside wait{kept}"
        yield Look(Level.PROBLEM, f"journey {name}", f"{says}: `run.py check`")


UNREADABLE: Final = (
    "SELECT j.name, max(CASE WHEN v.id = j.live_version THEN 1 ELSE 0 END), count(r.id) FROM version v"
    " JOIN journey j ON j.id = v.journey_id LEFT JOIN run r ON r.journey_id = j.id AND r.version_id = v.id"
    " AND r.state = 0 WHERE v.id IN ({numbers}) GROUP BY j.name ORDER BY j.name"
)


def _calendar(session: Session) -> Looks:
    today = walltime.local(session.now, session.settings.shop.zone).date()
    until = session.app.calendar.published_until
    if until - today < SOON:
        says = f"known until {until}: later days are estimated; put the published ones into calendar.workdays"
        yield Look(Level.NOTE, "workdays", says)
    else:
        yield Look(Level.FINE, "workdays", f"published until {until}")
    used = {
        name
        for journey in session.app.project.journeys.values()
        if isinstance(journey.entry, graph.FestivalEntry)
        for name in journey.entry.festivals
    }
    for name in sorted(used):
        yield from _festival(session.app.project.festivals[name], today)


def _festival(festival: feasts.Festival, today: date) -> Looks:
    ahead = feasts.occurrences(festival, today, today + YEAR)
    if not ahead:
        says = "no date in the next year: add one to festivals.yaml, or journeys will wait in vain"
        yield Look(Level.NOTE, f"festival {festival.name}", says)
    for day in ahead:
        if lunar.is_uncertain(day):
            yield Look(Level.NOTE, f"festival {festival.name}", f"{day} may be a day off: the almanac is not decided")


def _rules(session: Session) -> Looks:
    """Rules that the shop has set aside, and those whose source nobody has looked at again in time."""
    aside = session.app.project.policy.overrides
    for rule, reason in sorted(aside.items()):
        yield Look(Level.NOTE, "rules", f"{rule} is set aside: {reason}")
    today = walltime.local(session.now, session.settings.shop.zone).date().isoformat()
    late = [rule.id for rule in RULES.values() if rule.review and rule.review < today]
    if late:
        yield Look(Level.NOTE, "rules", f"{', '.join(late)}: the day to look at their sources again is past")
    if not aside and not late:
        yield Look(Level.FINE, "rules", f"all {len(RULES)} are kept")


def _handed_over(session: Session) -> Looks:
    """Notices to staff and web hooks that were given up in the last week."""
    rows = session.app.store.rows(GIVEN_UP, since=session.now - WEEK)
    for kind, ref, count, error in rows:
        what, where = ("call", "webhooks") if kind == "webhook" else ("notice", "staff")
        says = f"{show.counted(count, what)} given up in a week: {error}"
        hint = f"look at `{where}` in config.yaml and who should get it, then: run.py notices retry --all"
        yield Look(Level.PROBLEM, f"{kind} {ref}", f"{says}; {hint}")


LOOKS: Final[dict[str, Callable[[Session], Looks]]] = {
    "key": _key, "database": _database, "engine": _engine, "held": _held, "handed over": _handed_over,
    "channels": _channels, "outside": _outside, "files": _files, "rules": _rules, "calendar": _calendar,
}  # fmt: skip
