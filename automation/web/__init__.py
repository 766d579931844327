"""The way in over HTTP: platforms' callbacks, tracked links, pages for customers, events and customers from shops."""
