"""One-off sends. A campaign is a journey of one send, entered by hand: the same engine, policy and reports."""
