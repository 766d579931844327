"""What config.yaml says, checked and frozen. Knows no channel by name: the kinds' option models are handed in."""

from automation.settings.channels import Ambiguous, Breaker, Channel
from automation.settings.loading import load, load_store
from automation.settings.model import MEDIA, Settings

__all__ = ["MEDIA", "Ambiguous", "Breaker", "Channel", "Settings", "load", "load_store"]
