"""SMS by Alibaba Cloud and Tencent Cloud: approved templates out, delivery reports and replies back."""
