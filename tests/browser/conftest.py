"""A real browser: Chromium of the system, driven by Playwright; skipped where there is none."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SOFTWARE_WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WIDE, NARROW = (1280, 900), (390, 844)


@dataclass
class Seen:
    """A page, and what it did that a reader does not see."""

    page: object
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def wait_for_viewer(self):
        self.page.wait_for_selector("html[data-viewer=ready]", state="attached", timeout=120_000)
        self.settle()

    def settle(self):
        """Until two frames have been drawn."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def canvas(self) -> np.ndarray:
        """(H, W, 3) pixels of the viewer."""
        self.settle()
        shot = self.page.locator("#viewer-stage canvas").screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


@pytest.fixture(scope="session")
def chromium():
    """Where the system's Chromium is."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    return path


@pytest.fixture(scope="session")
def playwright():
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright to drive a browser")
    with api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def opened(chromium, playwright):
    """Give a function that opens an address and watches the page."""

    @contextmanager
    def open_page(address: str, size=WIDE, flags=SOFTWARE_WEBGL) -> Iterator[Seen]:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage", *flags]
        )
        try:
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.set_default_timeout(120_000)
            seen = Seen(page)
            page.on("request", lambda request: seen.requests.append(request.url))
            page.on(
                "console",
                lambda m: seen.complaints.append(m.text) if m.type == "error" else None,
            )
            page.on("pageerror", lambda error: seen.complaints.append(str(error)))
            page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
            page.goto(address)
            yield seen
        finally:
            browser.close()

    return open_page
