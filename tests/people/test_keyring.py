from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from automation.kernel import errors
from automation.people import keyring
from automation.people.sealing import Vault


def test_a_new_key_file_is_for_its_owner_alone_and_loads_as_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "lucheng.key"
    made = keyring.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keyring.load(path) == made


def test_a_key_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keyring.create(path)
    before = path.read_bytes()
    with pytest.raises(errors.Refused, match="exists already"):
        keyring.create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_others_can_read_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    keyring.create(path)
    path.chmod(mode)
    with pytest.raises(errors.Refused, match="chmod 600"):
        keyring.load(path)


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keyring.create(path)
    assert keyring.load(path, "1:" + "A" * 43 + "=").fingerprint != keyring.load(path).fingerprint


@pytest.mark.parametrize("text", ["", "# nothing", "1:short", "0:" + "A" * 43 + "=", "x", "1:" + "!" * 44])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(errors.Refused) as error:
        keyring.read(text, "the file")
    assert "AAA" not in str(error.value)
    assert "!!!" not in str(error.value)


@pytest.mark.parametrize("given", ["A" * 43 + "=", "0:" + "A" * 43 + "=", "first:" + "A" * 43 + "=", "0:openssl"])
def test_a_key_of_the_wrong_form_says_the_right_one(given: str, tmp_path: Path) -> None:
    with pytest.raises(errors.Refused, match=r"0:KEY,1:KEY.*openssl rand -base64 32") as error:
        keyring.load(tmp_path / "none", given)
    assert "AAA" not in str(error.value)
    right = keyring.load(tmp_path / "none", f"0:{'A' * 43}=,1:{'B' * 42}A=")
    assert (right.lasting, right.newest) == (0, 1)


def test_a_missing_key_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(errors.Refused, match="restore your copy"):
        keyring.load(tmp_path / "none")


def test_all_keys_of_a_ring_differ() -> None:
    ring = keyring.read("1:" + "A" * 43 + "=", "x")
    keys = [*ring.data.values(), ring.index, ring.tail, ring.idem, ring.link]
    assert len(set(keys)) == 5
    assert all(len(key) == 32 for key in keys)


def test_a_second_key_seals_new_values_and_the_first_still_opens_and_finds() -> None:
    old = Vault(keyring.read("1:" + "A" * 43 + "=", "x"))
    new = Vault(keyring.read("1:" + "A" * 43 + "=\n2:" + "B" * 43 + "=", "x"))
    sealed = old.seal("+8613800000001", b"x")
    assert new.open(sealed, b"x") == "+8613800000001"
    assert new.seal("x", b"")[1] == 2
    assert new.lookup("phone", "", "+8613800000001") == old.lookup("phone", "", "+8613800000001")


def test_a_keyring_does_not_show_its_keys() -> None:
    ring = keyring.read("1:" + "A" * 43 + "=", "x")
    assert ring.index.hex() not in repr(ring)
    assert "data" not in repr(ring)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_key_added_or_retired_by_root_stays_its_owners_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    keyring.create(path)
    os.chown(path, 1234, 2345)
    path.chmod(0o400)
    keyring.add(path)
    apart = keyring.retire(path, 1)
    for file in (path, apart):
        found = file.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o400)


def test_a_key_file_with_a_chinese_comment_behind_a_link_gets_its_key_where_the_link_leads(tmp_path: Path) -> None:
    real, link = tmp_path / "safe", tmp_path / "lucheng.key"
    keyring.create(real)
    real.write_text("# 旅程良品的密钥\n" + real.read_text("utf-8"), encoding="utf-8")
    link.symlink_to(real)
    assert keyring.add(link) == 2
    assert link.is_symlink() and keyring.load(real).newest == 2
    assert "旅程良品" in real.read_text("utf-8")
    assert keyring.retire(link, 1).parent == tmp_path
    assert link.is_symlink() and sorted(keyring.load(real).data) == sorted(keyring.load(link).data)
