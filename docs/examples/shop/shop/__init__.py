"""A shop whose products are found by what their images show."""
