"""Who the customers are: identities, profiles, tags, consent, what happened to them, and how all of it comes in."""
