from __future__ import annotations

import email_validator
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.people import masking
from automation.people.normalise import Unusable, email, normalise, phone, token


@pytest.mark.parametrize(
    "text",
    [
        "13800000001", "+8613800000001", "+86 138 0000 0001", "86-138-0000-0001", "0086 13800000001", "138-0000-0001",
        "１３８００００００01", "(+86)13800000001", " 13800000001 ", "13800000001.0",
        "+86\u00a013800000001", "8613800000001",
    ],
)  # fmt: skip
def test_every_way_to_write_a_chinese_mobile_is_one_number(text: str) -> None:
    assert phone(text) == "+8613800000001"


@pytest.mark.parametrize(
    "text", ["", "1380000000", "138000000011", "010-12345678", "4008001234", "12345678901", "abc", "1.38E+10"]
)
def test_what_takes_no_message_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        phone(text)


def test_a_rounded_number_says_how_it_came_about() -> None:
    with pytest.raises(Unusable, match="spreadsheet"):
        phone("1.38E+10")


def test_a_number_of_which_a_spreadsheet_left_nothing_out_is_taken() -> None:
    assert phone("1.3800000001E10") == phone("1.3800000001E+10") == "+8613800000001"
    assert token("1.2345E+4") == "12345"


def test_a_member_number_that_was_rounded_would_be_that_of_many() -> None:
    with pytest.raises(Unusable, match="rounded"):
        token("1.23457E+15")
    assert token("1E15") == "1E15"


def test_foreign_mobiles_are_taken_with_their_country() -> None:
    assert phone("+852 9123 4567") == "+85291234567"
    assert phone("00852 91234567") == "+85291234567"
    assert phone("+65 8123 4567") == "+6581234567"


@settings(max_examples=200)
@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_the_fast_path_writes_what_the_library_would(text: str) -> None:
    parsed = phonenumbers.parse(text, "CN")
    assert phone(text) == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def test_an_error_never_holds_the_number() -> None:
    for bad in ("1380000000", "010-12345678", "no.body@", "o p e n"):
        with pytest.raises(Unusable) as error:
            normalise("phone" if bad[0] in "01" else "email" if "@" in bad else "openid", bad)
        assert bad not in str(error.value)


def test_emails_are_lower_case_without_space() -> None:
    assert email(" Wang.Fang+shop@Example.COM ") == "wang.fang+shop@example.com"
    assert email("王芳@例子.中国") == "王芳@例子.中国"


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b.cn", "a@b", "a..b@c.cn", ".a@c.cn", "a.@c.cn", "a@-c.cn", "a@c-.cn",
     "a b@c.cn", "a@c.local", "a@b.test",
     "a" * 65 + "@c.cn"]
)  # fmt: skip
def test_what_is_no_email_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        email(text)


PART = st.text("abcXYZ019._+-", min_size=1, max_size=8)


@settings(max_examples=400)
@given(
    PART,
    st.text("abz09.-", min_size=1, max_size=10),
    st.sampled_from(["cn", "com", "test", "local", "c", "x1", "invalid"]),
)
def test_the_fast_path_takes_nothing_that_the_library_refuses(local: str, domain: str, top: str) -> None:
    text = f"{local}@{domain}.{top}"
    try:
        theirs = email_validator.validate_email(text.lower(), check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError:
        with pytest.raises(Unusable):
            email(text)
    else:
        assert email(text) == theirs


def test_ids_keep_their_case_and_have_no_spaces() -> None:
    assert token(" oAbC_-123 ") == "oAbC_-123"
    with pytest.raises(Unusable):
        token("o A")
    with pytest.raises(Unusable):
        token("x" * 129)
    with pytest.raises(KeyError):
        normalise("fax", "1")


def test_masks_show_enough_to_recognise() -> None:
    assert masking.identity("phone", "+8613800000001") == "138****0001"
    assert masking.identity("email", "anna@example.com") == "a***@example.com"
    assert masking.identity("openid", "oABCDEFGHIJKLMNOPQ") == "oABC…NOPQ"
    assert masking.identity("member_no", "100234") == "1…"
    assert masking.name("王小芳") == "王**"
