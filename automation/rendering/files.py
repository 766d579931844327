"""The shapes of the YAML files of a text: which keys stand in text.yaml and in the file of each kind of channel."""

from __future__ import annotations

from typing import Any

from pydantic import Field as Default

from automation.kernel import shapes


class VariantShape(shapes.Strict):
    condition: Any = Default(alias="if")


class TextShape(shapes.Strict):
    """templates/NAME/text.yaml; every key is optional."""

    title: str = ""
    variants: dict[str, VariantShape] = Default(default_factory=dict)
    needs: shapes.Many[str] = ()
    links: dict[str, str] = Default(default_factory=dict)


class WechatTemplateShape(shapes.Strict):
    key: str
    data: dict[str, str] = Default(default_factory=dict)


class WechatShape(shapes.Strict):
    """wechat.yaml: free text for the reply window, and the approved template for outside it."""

    text: str
    template: WechatTemplateShape | None = None


class SmsShape(shapes.Strict):
    """sms.yaml: the provider's approved template, its parameters, and what it reads like with {parameter} in it."""

    template: str
    params: dict[str, str] = Default(default_factory=dict)
    preview: str


class EmailShape(shapes.Strict):
    """email.yaml, beside email.html."""

    subject: str
    preview: str = ""
