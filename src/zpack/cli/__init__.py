"""Commands for customers and operators: a client of the API, nothing more."""
