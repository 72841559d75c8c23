"""Files into the database."""
