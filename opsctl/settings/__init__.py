"""Settings: option > environment > `.env` > `opsctl.toml` > local installation > default; each remembers its source."""

from opsctl.settings.installation import Installation
from opsctl.settings.load import load_settings, with_local_installation
from opsctl.settings.secret import Secret
from opsctl.settings.values import Entry, Settings

__all__ = ["Entry", "Installation", "Secret", "Settings", "load_settings", "with_local_installation"]
