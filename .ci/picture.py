"""Takes the picture that opens the README, of the example report as a browser shows it."""

from pathlib import Path

from tests.analysis.browsing import Visit, browser

PAGE, PICTURE = Path("docs/example-report/index.html"), Path("docs/example-report.png")

with browser() as started:
    visit = Visit(started, PAGE.resolve(), viewport={"width": 1180, "height": 960})
    visit.page.locator("#fronts figure").first.evaluate("figure => figure.scrollIntoView({block: 'center'})")
    visit.page.locator("#fronts svg.chart").last.locator(".point.member .mark").first.hover()
    visit.page.screenshot(path=PICTURE)
