"""What a database error speaks of: the machine, or the statement and a value in it.

Told from the error's class and code. Its text quotes values, and somebody's name may be "Deadlock".
"""

from __future__ import annotations

from typing import Final

import apsw
import peewee

BadStatement: Final = (peewee.IntegrityError, peewee.DataError, peewee.OperationalError, peewee.ProgrammingError)
OF_THE_MACHINE: Final = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.ConnectionClosedError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)
SQLSTATES: Final = ("08", "25006", "25P03", "28", "3D", "40", "53", "55P03", "57P", "58")
"""PostgreSQL's: connection, read-only, idle too long, password, no such database, deadlock, resources, lock not to be
had, shutdown, system (documentation, appendix A)."""


def is_away(error: BaseException) -> bool:
    """Whether it speaks of the machine (disk, lock, server) and not of a value or statement."""
    driver = getattr(error, "orig", error)  # peewee keeps the driver's own
    if isinstance(driver, apsw.Error):
        return isinstance(driver, OF_THE_MACHINE)
    state = getattr(driver, "sqlstate", None)
    if state is not None:
        return str(state).startswith(SQLSTATES)
    # psycopg has no code for a server that cannot be reached or went away.
    return isinstance(error, peewee.OperationalError | peewee.InterfaceError)
