"""Plain tables for terminals and Markdown alike."""

from __future__ import annotations


class Table:
    """Rows of text under headings; the last column says whether an aim was met."""

    def __init__(self, *headings: str) -> None:
        self.rows: list[tuple[str, ...]] = [headings]
        self.missed = 0

    def add(self, *cells: str, met: bool | None = None) -> None:
        self.missed += met is False
        self.rows.append((*cells, {True: "met", False: "MISSED", None: ""}[met]))

    def __str__(self) -> str:
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        lines = [self._line(row, widths) for row in self.rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)

    @staticmethod
    def _line(row: tuple[str, ...], widths: list[int]) -> str:
        numbers = str.maketrans("", "", "0123456789,.x%<>= ")
        cells = (
            f" {cell:>{width}} " if cell and not cell.translate(numbers) else f" {cell:<{width}} "
            for cell, width in zip(row, widths, strict=True)
        )
        return "|" + "|".join(cells) + "|"
