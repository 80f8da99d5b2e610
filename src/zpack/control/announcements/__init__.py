"""What administrators tell everybody: maintenance, warnings, news."""
