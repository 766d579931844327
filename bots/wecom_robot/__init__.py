"""A robot of a group of employees in WeCom (消息推送, formerly 群机器人): it writes, and hears nothing."""
