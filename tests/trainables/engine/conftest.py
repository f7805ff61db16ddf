import pytest


@pytest.fixture(autouse=True)
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are measured together here, too, although that is no faster."""
    monkeypatch.setattr("trainables.engine.asking.most_on", lambda _: 8)
