"""A real browser for pages: it fetches nothing and keeps nothing."""

import shutil
import subprocess
import tempfile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
"""Chromium's command; None where there is none."""


def browse(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Chromium without a window, with a profile of its own.

    Args:
        *arguments: What it is to do, the page last.
    """
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--virtual-time-budget=2000",
                f"--user-data-dir={profile}",
                *arguments,
            ],
            check=True,
            capture_output=True,
            timeout=60,
            text=True,
        )
