"""``zpack up``: the whole platform on one machine, supervised."""
