"""The shapes of the YAML files of a text: which keys stand in text.yaml and in the file of each kind of channel."""

from __future__ import annotations

from typing import Any

import pydantic
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


class NewsShape(shapes.Strict):
    """One article: a title, a picture, a link."""

    title: str
    url: str
    description: str = ""
    picture: str = ""


class ImageShape(shapes.Strict):
    media: str


class FileShape(shapes.Strict):
    """A picture of the shop's own, by its path below the folder of all texts. The channel uploads it."""

    file: str


class PictureShape(shapes.Strict):
    """A picture of the shop's own, or one that the account has: exactly one of these."""

    file: str = ""
    media: str = ""

    @pydantic.model_validator(mode="after")
    def _one(self) -> PictureShape:
        if len(self.model_fields_set) != 1:
            message = "a picture is a file or a media id"
            raise shapes.refuse(message, "file: pictures/spring.png, below the texts' folder", "T061")
        return self


class OptionShape(shapes.Strict):
    id: str
    content: str


class MenuShape(shapes.Strict):
    """A question with answers to tap; the answer comes back with its id."""

    options: shapes.Many[OptionShape]
    head: str = ""
    tail: str = ""


class MiniProgramShape(shapes.Strict):
    """A card; `picture` is a media id."""

    title: str
    appid: str
    page: str
    picture: str


class CardShape(shapes.Strict):
    """The same for WeChat, where `picture` may be a file of the shop's own."""

    title: str
    appid: str
    page: str
    picture: str | FileShape


class JumpShape(shapes.Strict):
    """The mini program a template message opens."""

    appid: str
    page: str


class WechatTemplateShape(shapes.Strict):
    key: str
    data: dict[str, str] = Default(min_length=1)
    url: str = ""
    mini_program: JumpShape | None = None


class SubscribeShape(shapes.Strict):
    """A notification that each recipient allowed once."""

    key: str
    data: dict[str, str] = Default(min_length=1)
    page: str = ""


class MassShape(shapes.Strict):
    """What goes to many at once: a text, an article (the media id of a draft) or an image (a file or a media id)."""

    text: str = ""
    article: str = ""
    image: str | FileShape = ""

    @pydantic.model_validator(mode="after")
    def _one(self) -> MassShape:
        if len(self.model_fields_set) != 1:
            raise shapes.refuse("a mass message is one of text, article, image", "keep one", "T061")
        return self


class WechatShape(shapes.Strict):
    """wechat.yaml: what is said in the reply window, and the approved templates for outside it."""

    text: str = ""
    news: NewsShape | None = None
    image: PictureShape | None = None
    menu: MenuShape | None = None
    mini_program: CardShape | None = None
    template: WechatTemplateShape | None = None
    subscribe: SubscribeShape | None = None
    mass: MassShape | None = None

    @pydantic.model_validator(mode="after")
    def _something(self) -> WechatShape:
        given = self.model_fields_set
        if not given:
            raise shapes.refuse("this file says nothing", f"write one of {', '.join(WechatShape.model_fields)}", "T061")
        said = [name for name in WechatShape.model_fields if name in given & SAID]
        if len(said) > 1:
            message = f"in the reply window a message is one of {', '.join(SAID_IN_ORDER)}"
            raise shapes.refuse(message, f"keep {said[0]} or {said[1]}", "T061", at=(said[1],), key=True)
        return self


SAID_IN_ORDER = ("text", "news", "image", "menu", "mini_program")
SAID = frozenset(SAID_IN_ORDER)


class LinkShape(shapes.Strict):
    title: str
    url: str
    picture: str = ""
    description: str = ""


class AttachmentShape(shapes.Strict):
    """Exactly one of these."""

    link: LinkShape | None = None
    image: ImageShape | None = None
    mini_program: MiniProgramShape | None = None

    @pydantic.model_validator(mode="after")
    def _one(self) -> AttachmentShape:
        if len(self.model_fields_set) != 1:
            raise shapes.refuse("an attachment is one of link, image, mini_program", "begin the next with -", "T061")
        return self


class WecomShape(shapes.Strict):
    """wecom.yaml: a text and what hangs on it."""

    text: str = ""
    attachments: shapes.Many[AttachmentShape] = ()

    @pydantic.model_validator(mode="after")
    def _bounded(self) -> WecomShape:
        if not self.model_fields_set:
            raise shapes.refuse("this file says nothing", "write text or attachments", "T061")
        if len(self.attachments) > MAX_ATTACHMENTS:
            message = f"a message carries at most {MAX_ATTACHMENTS} attachments"
            raise shapes.refuse(message, "", "T061", at=("attachments",), key=True)
        return self


MAX_ATTACHMENTS = 9


class SmsShape(shapes.Strict):
    """sms.yaml: the provider's approved template, its parameters, and what it reads like with {parameter} in it."""

    template: str
    params: dict[str, str] = Default(default_factory=dict)
    preview: str


class EmailShape(shapes.Strict):
    """email.yaml, beside email.html; `layout` names the frame around it, of templates/_layouts/."""

    subject: str
    preview: str = ""
    layout: str = ""
