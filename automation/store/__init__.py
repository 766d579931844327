"""The store: connections, transactions, the turnstile, migrations, and every difference between SQLite and PostgreSQL."""
