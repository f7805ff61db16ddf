"""Many trials on one device: all that are alike train in one fused step. Needs neither Ray nor Optuna."""

from trainables.engine.engine import Engine
from trainables.engine.news import News

__all__ = ["Engine", "News"]
