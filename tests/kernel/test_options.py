"""Values of config.yaml: durations, percents, paths and secrets."""

from pathlib import Path

import pytest

from automation.kernel import options, shapes, source
from automation.kernel.errors import SourceErrors


class Options(shapes.Strict):
    wait: options.Seconds = 0
    share: options.Percent = 0
    path: options.Place | None = None
    secret: options.Secret | None = None


def read(text: str, folder: Path = Path("/shop"), **environ: str) -> Options:
    return shapes.validate(source.parse(text, "c"), Options, context={"folder": folder, "environ": environ})


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30s", 30), ("15m", 900), ("3h", 10_800), ("2d", 172_800), ("1w", 604_800), ("2小时", 7200)],
)
def test_durations_are_seconds(written: str, seconds: int) -> None:
    assert read(f"wait: {written}\n").wait == seconds


@pytest.mark.parametrize("written", ["30", "30 parsecs", "-3d", "1.5h", "3 mo", '""', "[3d]", "true"])
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(SourceErrors, match="S022"):
        read(f"wait: {written}\n")


@pytest.mark.parametrize(
    ("written", "hundredths"), [("0%", 0), ("5%", 500), ("33.33%", 3333), ("2.5%", 250), ("100%", 10_000)]
)
def test_percents_are_hundredths(written: str, hundredths: int) -> None:
    assert read(f"share: {written}\n").share == hundredths


def test_a_path_starts_at_the_folder_of_the_file() -> None:
    assert read("path: var/key\n").path == Path("/shop/var/key")
    assert read("path: /etc/key\n").path == Path("/etc/key")


def test_a_secret_comes_from_the_environment_or_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    for found in (read("secret: ${NAME}\n", NAME="hunter2"), read("secret: file:secret\n", tmp_path)):
        assert found.secret is not None
        assert found.secret.get_secret_value() == "hunter2"
        assert "hunter2" not in f"{found!r} {found}"


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("hunter2", "S030 a secret does not belong in this file"),
        ("[hunter2]", "S030 a secret does not belong in this file"),
        ("x${NAME}hunter2", "S030"),
        ("12345678", "S030"),
        ("${NAME}", "S031 the environment variable NAME is not set"),
        ("file:none", "S032 the secret file:none cannot be read or is empty"),
        ("file:.", "S032"),
    ],
)
def test_a_secret_that_is_wrong_is_refused_without_saying_it(written: str, answer: str, tmp_path: Path) -> None:
    with pytest.raises(SourceErrors) as caught:
        read(f"secret: {written}\n", tmp_path)
    assert answer in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "12345678" not in str(caught.value)
