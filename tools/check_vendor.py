"""Every file under static/vendor is the one its manifest names: none changed, none added, none lost."""

import hashlib
import json
import sys
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
FIELDS = {"sha256", "package", "version", "licence"}


def problems(vendor: Path) -> list[str]:
    manifest: dict[str, dict[str, str]] = json.loads((vendor / "MANIFEST.json").read_text("utf-8"))
    present = {
        path.relative_to(vendor).as_posix(): path
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "MANIFEST.json"
    }
    found = [f"{name}: not in the manifest" for name in sorted(present.keys() - manifest.keys())]
    for name, entry in sorted(manifest.items()):
        if missing := FIELDS - entry.keys():
            found.append(f"{name}: the manifest lacks {', '.join(sorted(missing))}")
        elif name not in present:
            found.append(f"{name}: missing")
        elif hashlib.sha256(present[name].read_bytes()).hexdigest() != entry["sha256"]:
            found.append(f"{name}: differs from the manifest")
        elif not name.startswith(f"{entry['package'].split('.')[0]}-{entry['version']}/"):
            found.append(f"{name}: the folder does not carry package and version")
    return found


def main() -> int:
    found = problems(VENDOR)
    for line in found:
        print(f"static/vendor/{line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
