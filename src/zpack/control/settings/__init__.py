"""Settings from the environment (contract §13): one group per file, the whole in ``whole.py``."""

from zpack.control.settings.field import SettingsError, words
from zpack.control.settings.whole import Settings, TraefikPart, names, read_settings, read_traefik

__all__ = ["Settings", "SettingsError", "TraefikPart", "names", "read_settings", "read_traefik", "words"]
