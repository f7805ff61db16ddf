"""Takes the picture that opens the README, of the example report as a browser shows it."""

from pathlib import Path

from tests.analysis.browsing import Visit, browser

PAGE, PICTURE = Path("docs/example-report/index.html"), Path("docs/example-report.png")

with browser() as started:
    visit = Visit(started, PAGE.resolve(), viewport={"width": 1180, "height": 800})
    visit.page.screenshot(path=PICTURE)
