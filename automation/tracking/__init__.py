"""Links of messages: made while a message is prepared, followed and answered at the web edge."""
