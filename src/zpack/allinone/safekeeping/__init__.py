"""``zpack backup`` and ``zpack restore``: the platform's own record, in one archive.

Customers' worlds are not in it: they lie in the containers, and have backups of their own.
"""
