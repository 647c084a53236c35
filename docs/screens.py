"""Take the pictures of docs/screens.md: python docs/screens.py results/pocket-gpt2

For each page of a finished run: its beginning, 1280 and 400 pixels wide, light and dark.
"""

import base64
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests/helpers"))
from browser import Browser  # noqa: E402 (found by the line above)

# width: the height that is shown, and the size of a pixel in the picture
SIZES = {1280: (1050, 0.75), 400: (860, 1.0)}
QUALITY = 62  # of the pictures' format, from 0 to 100


def shoot(browser: Browser, page: Path, folder: Path) -> None:
    """Write the pictures of one page."""
    for width, (height, scale) in SIZES.items():
        for dark in (False, True):
            browser.open(page, width, dark)
            browser.fix_layout()
            browser.say("Emulation.setScrollbarsHidden", hidden=True)
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
            look = {"format": "webp", "quality": QUALITY, "clip": clip}
            picture = browser.say("Page.captureScreenshot", **look, captureBeyondViewport=True)
            name = f"{page.stem}-{width}-{'dark' if dark else 'light'}.webp"
            (folder / name).write_bytes(base64.b64decode(picture["data"]))


def main(run: Path) -> None:
    """Take the pictures of all pages of a run."""
    folder = ROOT / "docs/screens"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        for page in [run / "index.html", *sorted((run / "pages").glob("*.html"))]:
            shoot(browser, page, folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
