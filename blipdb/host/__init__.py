"""The machine: home folder, users, the private PostgreSQL server, logs."""
