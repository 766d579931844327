"""The web edge: what platforms, customers and the shop's own systems reach over HTTP."""
