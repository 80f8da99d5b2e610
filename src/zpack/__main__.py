"""``python -m zpack`` is the ``zpack`` command."""

from zpack.entry import main

main()
