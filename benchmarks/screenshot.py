"""Picture of a report in the system's Chromium, once its viewer is drawn.

``python benchmarks/screenshot.py report.html out.png [--outlines]`` (needs the extra ``test``).
Colours are reduced to 144, so that the file is small.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SIZE = (960, 1150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--outlines", action="store_true")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(options.page.resolve().as_uri())
        page.wait_for_selector("html[data-viewer=ready]", state="attached", timeout=120_000)
        if options.outlines:
            page.locator("#viewer-outlines").check()
            page.locator("#viewer-opacity").fill("100")
        page.wait_for_timeout(3000)
        shot = page.screenshot()
        browser.close()
    few = Image.open(io.BytesIO(shot)).convert("RGB").quantize(144, Image.Quantize.MAXCOVERAGE)
    few.save(options.target, optimize=True)


if __name__ == "__main__":
    main()
