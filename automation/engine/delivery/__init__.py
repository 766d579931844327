"""How a message leaves: claimed in sets, rendered, dispatched in groups, recorded in groups; and what comes after."""
