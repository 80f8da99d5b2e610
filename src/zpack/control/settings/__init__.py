"""Settings from the environment (contract §13): one group per file, the whole in ``whole.py``."""

from zpack.control.settings.field import SettingsError, words
from zpack.control.settings.whole import Settings, names, read_settings

__all__ = ["Settings", "SettingsError", "names", "read_settings", "words"]
