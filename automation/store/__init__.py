"""The store: connections, transactions, migrations, and every difference between SQLite and PostgreSQL."""
