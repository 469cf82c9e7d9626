"""What was measured, against what is asked: a table, a JSON file, and the exit code."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Goals:
    """Collects figures. A figure without a bound is there to be read."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def note(self, name: str, value: float | str, unit: str = "") -> None:
        self.rows.append({"figure": name, "measured": value, "unit": unit})

    def at_most(self, name: str, value: float, goal: float, unit: str = "") -> None:
        self.rows.append(
            {"figure": name, "measured": value, "unit": unit, "goal": f"<= {goal:,g}", "met": value <= goal}
        )

    def at_least(self, name: str, value: float, goal: float, unit: str = "") -> None:
        self.rows.append(
            {"figure": name, "measured": value, "unit": unit, "goal": f">= {goal:,g}", "met": value >= goal}
        )

    @property
    def missed(self) -> list[str]:
        return [row["figure"] for row in self.rows if not row.get("met", True)]

    def finish(self, path: Path | None, **more: Any) -> int:
        """Print, write JSON, and return 1 when a goal is missed."""
        load = os.getloadavg()[0]
        print(f"\n{'figure':<58} {'measured':>12}  goal")
        for row in self.rows:
            value = row["measured"]
            shown = value if isinstance(value, str) else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
            mark = "" if row.get("met", True) else "   MISSED"
            print(f"{row['figure']:<58} {shown:>12} {row['unit']:<8} {row.get('goal', '')}{mark}")
        print(f"load of the machine at the end: {load:.1f}", flush=True)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"figures": self.rows, "load": load, **more}, indent=2) + "\n")
        return 1 if self.missed else 0
