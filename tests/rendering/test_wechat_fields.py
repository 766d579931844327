"""Fields of approved WeChat templates: what fits, what is cut, what stops the message before the platform does."""

from __future__ import annotations

import pytest

from automation.rendering import wechat_fields
from automation.rendering.faults import Fault, RenderFault

FITS = [
    ("thing1", "纯棉四件套", "纯棉四件套"),
    ("thing01", "字" * 21, "字" * 19 + "…"),
    ("thing1", " 一\n二\t三 ", "一 二 三"),
    ("name2", "欧阳小婉儿妈妈和爸爸们", "欧阳小婉儿妈妈和爸爸"),
    ("name2", "Alexandra Montgomery-Smith", "Alexandra Montgomery"),
    ("number1", "-12.50", "-12.50"),
    ("letter1", "AbC", "AbC"),
    ("symbol1", "！？", "！？"),
    ("character_string3", "BD-12345678", "BD-12345678"),
    ("time3", "15:01", "15:01"),
    ("time3", "2019年10月1日 15:01", "2019年10月1日 15:01"),
    ("time3", "2019年10月1日 15:01~2019年10月2日 15:01", "2019年10月1日 15:01~2019年10月2日 15:01"),
    ("date3", "2019年10月1日", "2019年10月1日"),
    ("date3", "3月31日", "3月31日"),
    ("date3", "2018-01-01", "2018-01-01"),
    ("date3", "01.01", "01.01"),
    ("amount2", "¥29.90", "¥29.90"),
    ("amount2", "300元", "300元"),
    ("phone_number4", "+86-0766-66888866", "+86-0766-66888866"),
    ("car_number5", "粤A8Z888挂", "粤A8Z888挂"),
    ("phrase6", "配送中", "配送中"),
    ("const7", "已完成", "已完成"),
]
STOPS = [
    ("number1", "三"), ("number1", "1" * 33), ("letter1", "a1"), ("symbol1", "a"), ("symbol1", "！" * 6),
    ("character_string3", "订单1"), ("character_string3", "A" * 33), ("time3", "明天"), ("time3", "25:61"),
    ("date3", "15:01"), ("amount2", "约300元"), ("amount2", "¥12345678901"), ("phone_number4", "电话 1"),
    ("phone_number4", "1" * 18), ("car_number5", "粤A 12345"), ("phrase6", "on its way"), ("phrase6", "正在派送途中"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "fitted"), FITS)
def test_a_value_fits_or_is_cut_where_that_does_no_harm(name: str, value: str, fitted: str) -> None:
    assert wechat_fields.fitted(name, value) == fitted


@pytest.mark.parametrize(("name", "value"), STOPS)
def test_a_value_that_must_not_be_cut_stops_the_message_and_is_not_told(name: str, value: str) -> None:
    with pytest.raises(RenderFault, match=f"{name} takes") as caught:
        wechat_fields.fitted(name, value)
    assert caught.value.code is Fault.BAD_VALUE
    assert len(value) == 1 or value not in str(caught.value)


@pytest.mark.parametrize("name", ["thing1", "number2", "const3"])
def test_an_empty_value_stops_the_message(name: str) -> None:
    with pytest.raises(RenderFault) as caught:
        wechat_fields.fitted(name, " \n")
    assert caught.value.code is Fault.MISSING_VALUE


@pytest.mark.parametrize("name", ["first", "keyword1", "remark", "thing123", "1thing", "Thing1", ""])
def test_other_names_are_of_no_template(name: str) -> None:
    assert wechat_fields.kind_of(name) is None
