"""Fails where a source file exceeds 300 lines or a function 50: what must fit on a screen does."""

import ast
import sys
from pathlib import Path

FILE, FUNCTION = 300, 50
PACKAGES = ("study", "trainables", "search_spaces", "analysis", "benchmarks")


def main() -> int:
    complaints = []
    for path in sorted(p for package in PACKAGES for p in Path(package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > FILE:
            complaints.append(f"{path}: {lines} lines; a file has at most {FILE}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION:
                    complaints.append(f"{path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION}")
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    return len(complaints) > 0


if __name__ == "__main__":
    sys.exit(main())
