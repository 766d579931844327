"""The text part made from HTML when a mail has no email.txt."""

from __future__ import annotations

from automation.rendering import plain


def test_words_and_links_stay_and_hidden_text_goes() -> None:
    html = (
        "<html><head><style>p { color: red }</style></head><body><div style='display:none;max-height:0'>preview</div>"
        "<h1>生日快乐</h1><p>王芳&lt;3</p><p><a href='https://shop.example.com/'>去店里</a></p></body></html>"
    )
    text = plain.from_html(html)
    assert "preview" not in text
    assert "color" not in text
    assert "王芳<3" in text
    assert "https://shop.example.com/" in text
    assert "\n\n\n" not in text
