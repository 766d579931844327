"""WeCom (企业微信): tasks for employees to send, app messages, welcomes, customers and their groups, callbacks."""
