"""A robot of a group in DingTalk (钉钉自定义机器人): it writes, and hears nothing."""
