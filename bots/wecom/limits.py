"""What WeCom allows, in one table, as its pages said on CHECKED. All of it changes; nothing is repeated elsewhere.

Pages are those of developer.work.weixin.qq.com/document/path/: 92135 mass tasks, 93338 their results, 97610 reminders,
90236 and 90454 app messages, 92137 welcomes, 92228 contact ways, 92122 customer groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from automation.kernel.ports import Limit

CHECKED: Final = "2026-11-22"

TASK_LIMITS: Final[Mapping[str, Limit]] = {
    "month": Limit(None, "month", "WC-01", CHECKED),
    "week": Limit(7, "7d", "WC-01", CHECKED),
    "day": Limit(1, "day", "WC-01", CHECKED),
}
"""92135: a customer, or a group, takes as many tasks a month as it has days; the admin may set 7 a week or 1 a day."""
APP_LIMITS: Final = (  # 90454: what exceeds is dropped, and nobody is told
    Limit(30, "minute", "WC-02", CHECKED),
    Limit(1000, "hour", "WC-02", CHECKED),
)
APP_A_DAY: Final = 200  # 90236: messages of one app a day, for each account that the company may have

TASK_CUSTOMERS: Final = 10_000  # of one task
TASK_GROUPS: Final = 2_000
TEXT_BYTES: Final = 4_000  # of a task's text, in UTF-8
ATTACHMENTS: Final = 9
WELCOME_SECONDS: Final = 20  # after the event
REMINDERS: Final = 3  # of one task in 24 hours
PAGE: Final = 500  # of tasks' employees and results
CUSTOMERS_PAGE: Final = 100  # of externalcontact/batch/get_by_user
GROUPS_PAGE: Final = 1_000
TASKS_PAGE: Final = 100
TASKS_SPAN: Final = 30 * 86_400  # seconds of get_groupmsg_list_v2; the page says a month
APP_TEXT_BYTES: Final = 2_048
STATE_LETTERS: Final = 30  # of a contact way
CONTACT_EMPLOYEES: Final = 100
DEDUPE: Final = (1_800, 14_400)  # seconds: least and most of duplicate_check_interval
