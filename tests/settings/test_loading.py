"""config.yaml: what is shipped works, what is wrong is said at its place, no secret is ever shown."""

from pathlib import Path
from typing import Any

import pydantic
import pytest

from automation import settings
from automation.app import App
from automation.festivals import keys
from automation.kernel import options, shapes
from automation.kernel.clock import FixedClock
from automation.kernel.errors import SourceErrors
from bots import registry
from tests.bots.memory import MemoryCache

ROOT = Path(__file__).parents[2]


class Fake(shapes.Strict):
    url: str = "http://127.0.0.1:1"
    token: options.Secret | None = None


class Plain(pydantic.BaseModel):
    """Written without our types, as another package may."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    password: pydantic.SecretStr | None = None
    timeout: float = 10


KINDS: dict[str, type[pydantic.BaseModel]] = {"fake": Fake, "plain": Plain}


def load(folder: Path, text: str, **environ: str) -> settings.Settings:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return settings.load(path, environ, KINDS)


def said(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SourceErrors) as caught:
        load(folder, text, **environ)
    assert "hunter2" not in str(caught.value)
    return [str(problem).split("config.yaml:", 1)[1] for problem in caught.value.problems]


def test_the_shipped_file_works_as_it_stands() -> None:
    shipped = settings.load(ROOT / "config.yaml", {}, registry.KINDS)
    assert shipped.folder == ROOT
    assert shipped.store.url.get_secret_value() == f"sqlite:{ROOT / 'var/lucheng.db'}"
    assert shipped.folders.journeys == ROOT / "journeys"
    assert set(shipped.channels) == {"wechat_main", "wecom_main", "sms_main", "mail_main"}
    for name, channel in shipped.channels.items():
        with_channel = registry.build(name, channel.kind, channel, MemoryCache())
        assert with_channel.name == name
        with_channel.close()


def test_the_shipped_file_shows_every_key() -> None:
    from automation.kernel import source

    written = source.read(ROOT / "config.yaml").data
    for name, field in settings.Settings.model_fields.items():
        key = field.alias or name
        assert key in written
        section = field.annotation
        if isinstance(section, type) and issubclass(section, shapes.Strict):
            assert set(written[key]) == set(section.model_fields), key
    assert set(settings.Channel.model_fields) <= set(written["channels"]["wechat_main"])


def test_a_name_is_enough(tmp_path: Path) -> None:
    found = load(tmp_path, "shop: {name: a}\n")
    assert found.shop.timezone == "Asia/Shanghai"
    assert found.store.url.get_secret_value() == f"sqlite:{tmp_path / 'var/lucheng.db'}"
    assert found.key.file == tmp_path / "var/lucheng.key"
    assert (found.lifecycle.dormant, found.engine.batch, found.control_group) == (240 * 86_400, 2000, 0)
    assert found.rfm.monetary_fen == (10_000, 30_000, 100_000, 300_000)
    with pytest.raises(pydantic.ValidationError):
        found.control_group = 5  # type: ignore[misc]


def test_a_channel_has_the_common_keys_and_those_of_its_kind(tmp_path: Path) -> None:
    text = (
        "shop: {name: a}\nchannels:\n  a:\n    kind: fake\n    url: http://x\n    rate: 2.5\n"
        "    breaker: {pause: 1m}\n    on_ambiguous: {service: resend}\n    token: ${TOKEN}\n"
    )
    channel: Any = load(tmp_path, text, TOKEN="hunter2").channels["a"]
    assert isinstance(channel, Fake)
    assert isinstance(channel, settings.Channel)
    assert (channel.url, channel.rate, channel.breaker.pause, channel.in_flight) == ("http://x", 2.5, 60, 16)
    assert channel.on_ambiguous.service is settings.Ambiguous.RESEND
    assert channel.on_ambiguous.marketing is settings.Ambiguous.HOLD
    assert channel.token.get_secret_value() == "hunter2"


def test_secrets_of_every_option_model_may_only_be_references(tmp_path: Path) -> None:
    text = "shop: {name: a}\nchannels:\n  a: {kind: plain, password: WORD}\n"
    assert said(tmp_path, text.replace("WORD", "hunter2"))[0].startswith("3:30 S030 a secret does not belong")
    assert said(tmp_path, text.replace("WORD", '"${NOPE}"'))[0].startswith("3:30 S031 the environment variable NOPE")
    found = load(tmp_path, text.replace("WORD", '"${PW}"'), PW="hunter2")
    channel: Any = found.channels["a"]
    assert channel.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("shop: {nmae: a}", "1:8 S001 unknown key 'nmae' (did you mean 'name'?)"),
        ("shop: {name: a}\nchanels: {}", "2:1 S001 unknown key 'chanels' (did you mean 'channels'?)"),
        ("shop: {name: a, timezone: Asia/Shanghia}", "1:27 S020 not a known time zone (did you mean 'Asia/Shanghai'?)"),
        ("shop: {name: a, timezone: Asia/Beijing}", "1:27 S020 not a known time zone (did you mean 'Asia/Shanghai'?)"),
        ("shop: {name: a, timezone: ../etc/passwd}", "1:27 S020 not a known time zone (such as Asia/Shanghai)"),
        ("shop: {name: a}\nchannels:\n  a: {kind: fke}", "3:13 S017 'fke' is not possible here (did you mean 'fake'?)"),
        ("shop: {name: a}\nchannels:\n  a: {url: x}", "3:6 S002 'kind' is missing (one of fake, plain)"),
        ("shop: {name: a}\nchannels:\n  a: {kind: fake, ulr: x}", "3:19 S001 unknown key 'ulr' (did you mean 'url'?)"),
        (
            "shop: {name: a}\nchannels:\n  a: {kind: fake, in_flght: 1}",
            "3:19 S001 unknown key 'in_flght' (did you mean 'in_flight'?)",
        ),
        ("shop: {name: a}\nchannels:\n  a: {kind: fake, in_flight: 0}", "3:30 S018 at least 1 is due here"),
        (
            "shop: {name: a}\nchannels:\n  A: {kind: fake}",
            "3:3 S020 'A' is not possible as a name here (small letters, digits and _, such as sms_main)",
        ),
        (
            "shop: {name: a}\nchannels:\n  a: {kind: fake}\nvia: [sms, b]",
            "4:12 S017 there is no channel 'b' (configured: a, email, sms, wechat, wecom)",
        ),
        ("shop: {name: a}\nvia: [wechta]", "2:7 S017 there is no channel 'wechta' (did you mean 'wechat'?)"),
        ("shop: {name: a}\nstaff: {o: {name: x, channel: y}}", "2:31 S017 there is no channel 'y' (configured: none)"),
        ("shop: {name: a}\ncontrol_group: 2", "2:16 S021 a percent is due here (write 2%)"),
        (
            "shop: {name: a}\nlifecycle: {silent: 10d}",
            "2:12 S020 active, silent and dormant must grow (such as 60d, 120d, 240d)",
        ),
        (
            "shop: {name: a}\nrfm: {frequency: [1, 1, 2, 3]}",
            "2:18 S020 four growing numbers are due here "
            "(they cut the customers into five classes: [30, 60, 120, 240])",
        ),
        (
            "shop: {name: a}\nengine: {tick: 1}",
            "2:16 S022 a duration is due here (write a whole number and a unit: 30s, 15m, 3h, 2d, 1w)",
        ),
        (
            "shop: {name: a}\nimport: {headers: {phone: [电话], email: [电话]}}",
            "2:41 S020 '电话' already means 'phone'",
        ),
        (
            "shop: {name: a}\ncalendar: {leap_month: never}",
            "2:24 S017 'never' is not possible here (possible: plain, leap)",
        ),
    ],
)
def test_a_mistake_is_said_at_its_place(tmp_path: Path, text: str, answer: str) -> None:
    assert said(tmp_path, text + "\n") == [answer]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://h/d", "S020"),
        ("postgresql://u:hunter2@h/d", "S030"),
        ("postgresql://h/d?password=hunter2", "S030"),
        ("sqlite:", "S020"),
        ("${NOPE}", "S031"),
        ("postgresql://[::1", "S020"),
    ],
)
def test_a_wrong_store_is_refused_without_its_password(tmp_path: Path, url: str, code: str) -> None:
    (answer,) = said(tmp_path, f'shop: {{name: a}}\nstore:\n  url: "{url}"\n')
    assert answer.startswith(f"3:8 {code} ")


def test_a_postgresql_store_may_come_from_the_environment(tmp_path: Path) -> None:
    found = load(tmp_path, "shop: {name: a}\nstore:\n  url: ${DB}\n", DB="postgresql://u:hunter2@h/d")
    assert found.store.url.get_secret_value() == "postgresql://u:hunter2@h/d"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/x", "https://u:hunter2@example.com/", "ftp://x", "https://", "https://a..b/", "https://[::1"],
)
def test_a_web_hook_is_https_without_a_password(tmp_path: Path, url: str) -> None:
    text = f'shop: {{name: a}}\nwebhooks:\n  crm:\n    url: "{url}"\n    secret: ${{S}}\n'
    (answer,) = said(tmp_path, text, S="x")
    assert answer.startswith("4:10 S020 ")


@pytest.mark.parametrize(
    "url", ["https://crm.example.com/hook", "http://127.0.0.1:8080/hook", "http://localhost/hook", "http://[::1]:80/"]
)
def test_a_good_web_hook_is_taken(tmp_path: Path, url: str) -> None:
    text = f'shop: {{name: a}}\nwebhooks:\n  crm:\n    url: "{url}"\n    secret: ${{S}}\n'
    assert load(tmp_path, text, S="x").webhooks["crm"].url == url


def test_problems_of_all_sections_and_channels_come_at_once(tmp_path: Path) -> None:
    text = (
        "shop: {nme: a}\nchannels:\n  a: {kind: fake, x: 1}\n  b: {kind: plain, password: hunter2}\n"
        "  c: 5\nlog: {level: loud}\n"
    )
    assert [line.split()[:2] for line in said(tmp_path, text)] == [
        ["1:8", "S001"],
        ["3:19", "S001"],
        ["4:30", "S030"],
        ["5:6", "S012"],
        ["6:14", "S017"],
    ]


def test_an_option_model_may_not_take_a_common_name(tmp_path: Path) -> None:
    class Clash(shapes.Strict):
        rate: int = 1

    path = tmp_path / "config.yaml"
    path.write_text("shop: {name: a}\nchannels: {a: {kind: clash}}\n")
    with pytest.raises(TypeError, match="rate"):
        settings.load(path, {}, {"clash": Clash})


@pytest.mark.parametrize(("said_port", "port"), [("off", None), ("0", 0), ("8080", 8080)])
def test_the_web_edge_can_be_switched_off(tmp_path: Path, said_port: str, port: int | None) -> None:
    assert load(tmp_path, f"shop: {{name: 店}}\nweb: {{port: {said_port}}}\n").web.port == port


def test_a_folder_that_is_named_and_not_there_is_a_problem_at_its_place(tmp_path: Path) -> None:
    text = "shop: {name: 店}\nfolders:\n  journeys: jurneys\n"
    assert said(tmp_path, text) == [
        "3:13 S023 there is no such folder (a folder beside this file, or a whole path; make it first where it is to be"
        " a new one)"
    ]
    (tmp_path / "jurneys").mkdir()
    assert load(tmp_path, text).folders.journeys == tmp_path / "jurneys"


def test_how_missing_days_are_kept_reaches_the_calendar(tmp_path: Path) -> None:
    def rules(text: str) -> keys.Rules:
        chosen = load(tmp_path, f"shop: {{name: 店}}\ncalendar: {text}\n")
        return App(chosen, lambda *_: pytest.fail("no channel is asked for"), FixedClock(0)).shop_calendar.days

    assert rules("{}") == keys.Rules()
    told = "{leap_day: mar1, lunar_missing_day: skip, leap_month: leap}"
    assert rules(told) == keys.Rules(keys.LeapDay.AFTER, prefer_leap=True, skip_missing=True)


@pytest.mark.parametrize(
    "text",
    [
        "shop: {name: a}\nchannels: {a: {kind: fake, token: '${NOPE}'}}\n",
        "shop: {nmae: a}\nchanels: {}\nstore: {url: '${DATABASE}'}\n",
        "shop: {name: a}\nkey: {file: a, file: b}\nlog:\n",
    ],
)
def test_where_the_database_is_can_be_read_of_a_file_that_is_wrong_elsewhere(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceErrors):
        settings.load(path, {}, KINDS)
    found = settings.load_store(path, {"DATABASE": f"sqlite:{tmp_path}/var/lucheng.db"})
    assert found.url.get_secret_value() == f"sqlite:{tmp_path}/var/lucheng.db"


@pytest.mark.parametrize("text", ["stoer: {url: 'sqlite:other.db'}\n", "store: {ulr: 'sqlite:other.db'}\n", "- a\n"])
def test_a_database_that_may_be_another_is_not_guessed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceErrors):
        settings.load_store(path, {})
