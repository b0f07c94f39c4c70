"""State in SQL: tables, transactions, leases, and the functions that read and write each aggregate."""
