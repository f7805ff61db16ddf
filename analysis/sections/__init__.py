"""The parts of a study's page, a module each.

Every module has a function `section(findings) -> Section | None`, None where the study has nothing to say there, and a
template of its section's name in `templates/sections`. `analysis.page.SECTIONS` has their order.
"""
