"""Signatures against vectors: one printed in Tencent's documentation, and one for each call worked out step by step."""

from __future__ import annotations

import hashlib
import hmac

from bots.sms import signing
from bots.sms.signing import Call, Keys

NOW = 1_772_323_200  # 2026-03-01 00:00:00 UTC


def test_tc3_is_the_signature_that_tencents_documentation_prints() -> None:
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    assert hashlib.sha256(body).hexdigest() == "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
    call = Call("cvm.tencentcloudapi.com", "DescribeInstances", "2017-03-12", signing.JSON, body)
    keys = Keys("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
    headers = signing.tc3(call, keys, 1_551_113_065, "ap-guangzhou")
    assert headers["Authorization"] == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request,"
        " SignedHeaders=content-type;host,"
        " Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )
    assert headers["X-TC-Timestamp"] == "1551113065"
    assert (headers["X-TC-Action"], headers["X-TC-Version"]) == ("DescribeInstances", "2017-03-12")


def test_the_day_of_a_tc3_signature_is_that_of_utc() -> None:
    call = Call("sms.tencentcloudapi.com", "SendSms", "2021-01-11", signing.JSON, b"{}")
    headers = signing.tc3(call, Keys("id", "secret"), NOW - 1, "ap-guangzhou")  # 07:59:59 of 1 March in China
    assert "/2026-02-28/sms/tc3_request," in headers["Authorization"]


ALIYUN = Call(
    "dysmsapi.aliyuncs.com",
    "SendSms",
    "2017-05-25",
    signing.FORM,
    b"OutId=k1&PhoneNumbers=13800000001&SignName=%E6%97%85%E7%A8%8B%E8%89%AF%E5%93%81&TemplateCode=SMS_1"
    b"&TemplateParam=%7B%22name%22%3A%22%E6%9D%8E%22%7D",
)
NONCE = "3156853299f313e23d1673dc12e1703d"
CANONICAL = """POST
/

content-type:application/x-www-form-urlencoded
host:dysmsapi.aliyuncs.com
x-acs-action:SendSms
x-acs-content-sha256:b84137285aa8e98a00ecf45499b326a0e99cde400afaf8d514271f53793f8868
x-acs-date:2026-03-01T00:00:00Z
x-acs-signature-nonce:3156853299f313e23d1673dc12e1703d
x-acs-version:2017-05-25

content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version
b84137285aa8e98a00ecf45499b326a0e99cde400afaf8d514271f53793f8868"""


def test_acs3_signs_the_canonical_request_written_out_here() -> None:
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(CANONICAL.encode()).hexdigest()
    by_hand = hmac.new(b"YourAccessKeySecret", to_sign.encode(), hashlib.sha256).hexdigest()
    assert by_hand == "4eace2cce327535140fc8fa0d3184f42d2fd7eace7d8ffac2273b4926632dd3e"
    headers = signing.acs3(ALIYUN, Keys("YourAccessKeyId", "YourAccessKeySecret"), NOW, NONCE)
    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=content-type;host;x-acs-action;x-acs-content-sha256"
        f";x-acs-date;x-acs-signature-nonce;x-acs-version,Signature={by_hand}"
    )
    assert headers["x-acs-date"] == "2026-03-01T00:00:00Z"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "host" not in headers  # the HTTP client writes it


def test_a_secret_is_in_no_header_and_no_repr() -> None:
    keys = Keys("id", "s3cret-of-the-shop")
    shown = repr(keys) + repr(ALIYUN) + str(signing.acs3(ALIYUN, keys, NOW, NONCE)) + str(
        signing.tc3(ALIYUN, keys, NOW, "ap-guangzhou")
    )  # fmt: skip
    assert "s3cret" not in shown
    assert "13800000001" not in shown
