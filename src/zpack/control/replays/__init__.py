"""Requests that are sent twice: a double click, a page sent again. They count once."""
